// SPDX-License-Identifier: Apache-2.0
#include "core/hls/lines.h"

#include <array>

#include "core/base/text.h"

namespace tarn::hls {
namespace {

constexpr std::size_t longest_quote = 60;

struct Utf8Form {
  unsigned char mask;
  unsigned char lead;
  std::size_t length;
  std::uint32_t smallest;  // code point that needs this form: shorter ones are overlong
};
constexpr std::array utf8_forms{
    Utf8Form{0x80, 0x00, 1, 0},
    Utf8Form{0xE0, 0xC0, 2, 0x80},
    Utf8Form{0xF0, 0xE0, 3, 0x800},
    Utf8Form{0xF8, 0xF0, 4, 0x10000},
};

// Length of the valid UTF-8 sequence that begins `text`; 0: none does.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const auto& form : utf8_forms) {
    if ((byte(0) & form.mask) != form.lead) continue;
    if (text.size() < form.length) return 0;
    std::uint32_t point = byte(0) & static_cast<unsigned char>(~form.mask);
    for (std::size_t i = 1; i < form.length; ++i) {
      if ((byte(i) & 0xC0U) != 0x80U) return 0;
      point = point << 6U | (byte(i) & 0x3FU);
    }
    const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point >= form.smallest && point <= 0x10FFFF && !is_surrogate ? form.length : 0;
  }
  return 0;
}

// What RFC 8216bis 4.1 forbids in a line; tabs are let through, as some packagers end EXTINF with one.
const char* forbidden(std::string_view line) {
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t length = utf8_sequence(line.substr(at));
    if (length == 0) return "not UTF-8";
    const auto first = static_cast<unsigned char>(line[at]);
    if ((first < 0x20 && first != '\t') || first == 0x7F) return "a control character";
    at += length;
  }
  return nullptr;
}

std::string quoted_start(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && end < longest_quote) {
    const std::size_t length = utf8_sequence(text.substr(end));
    if (length == 0) break;
    end += length;
  }
  return "\"" + std::string{text.substr(0, end)} + (end < text.size() ? "…\"" : "\"");
}

}  // namespace

Error line_error(ErrorCode code, const Line& line, std::string_view reason) {
  std::string message = "line " + std::to_string(line.number) + ": ";
  if (!line.tag.empty()) message += std::string{line.tag} + ": ";
  return {code, message += reason};
}

Error line_error(ErrorCode code, const Line& line, std::string_view reason, std::string_view what) {
  return line_error(code, line, std::string{reason} + ": " + quoted_start(what));
}

Status LineReader::begin() {
  if (rest_.size() > limits_.bytes) {
    return Error{ErrorCode::limit, "playlist: longer than " + std::to_string(limits_.bytes) + " bytes"};
  }
  const auto first = TRY(raw());
  if (!first || *first != "#EXTM3U") return malformed("line 1: not a playlist: #EXTM3U is missing");
  return {};
}

Result<std::optional<std::string_view>> LineReader::raw() {
  if (rest_.empty()) return std::optional<std::string_view>{};
  ++number_;
  const Line here{.number = number_, .tag = {}, .value = {}};
  if (number_ > limits_.lines) {
    return line_error(ErrorCode::limit, here, "more than " + std::to_string(limits_.lines) + " lines");
  }
  const auto end = rest_.find('\n');
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (line.size() > limits_.line_bytes) {
    return line_error(ErrorCode::limit, here, "longer than " + std::to_string(limits_.line_bytes) + " bytes");
  }
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (const char* reason = forbidden(line)) return line_error(ErrorCode::malformed, here, reason);
  return std::optional{trim(line)};
}

Result<std::optional<Line>> LineReader::next() {
  for (;;) {
    const auto line = TRY(raw());
    if (!line) return std::optional<Line>{};
    if (line->empty()) continue;
    if (line->front() != '#') return std::optional{Line{number_, {}, *line}};
    if (line->substr(0, 4) != "#EXT") continue;
    const auto colon = line->find(':');
    const auto value = colon == std::string_view::npos ? std::string_view{} : line->substr(colon + 1);
    return std::optional{Line{number_, line->substr(1, colon - 1), trim(value)}};
  }
}

}  // namespace tarn::hls
