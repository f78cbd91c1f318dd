// SPDX-License-Identifier: Apache-2.0
#include "core/dash/xml.h"

namespace tarn::dash {
namespace {

std::string escaped(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\t':
      case '\n':
      case '\r':
        safe += ' ';
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) safe += c;
    }
  }
  return safe;
}

}  // namespace

XmlWriter::XmlWriter() : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {}

void XmlWriter::end_start_tag() {
  if (in_start_tag_) out_ += ">";
  in_start_tag_ = false;
}

void XmlWriter::begin_line() {
  if (!open_.empty()) out_ += "\n";
  out_.append(open_.size() * 2, ' ');
}

XmlWriter& XmlWriter::open(std::string_view element) {
  end_start_tag();
  begin_line();
  out_ += "<" + std::string{element};
  open_.emplace_back(element);
  in_start_tag_ = true;
  has_text_ = false;
  return *this;
}

XmlWriter& XmlWriter::attribute(std::string_view name, std::string_view value) {
  out_ += " " + std::string{name} + "=\"" + escaped(value) + "\"";
  return *this;
}

XmlWriter& XmlWriter::attribute(std::string_view name, std::int64_t value) {
  return attribute(name, std::string_view{std::to_string(value)});
}

XmlWriter& XmlWriter::attribute(std::string_view name, std::uint64_t value) {
  return attribute(name, std::string_view{std::to_string(value)});
}

XmlWriter& XmlWriter::text(std::string_view value) {
  end_start_tag();
  out_ += escaped(value);
  has_text_ = true;
  return *this;
}

XmlWriter& XmlWriter::raw(std::string_view xml) {
  end_start_tag();
  out_ += xml;
  has_text_ = true;
  return *this;
}

XmlWriter& XmlWriter::close() {
  const std::string element = std::move(open_.back());
  open_.pop_back();
  if (in_start_tag_) {
    out_ += "/>";
    in_start_tag_ = false;
  } else {
    if (!has_text_) {
      out_ += "\n";
      out_.append(open_.size() * 2, ' ');
    }
    out_ += "</" + element + ">";
  }
  has_text_ = false;
  if (open_.empty()) out_ += "\n";
  return *this;
}

}  // namespace tarn::dash
