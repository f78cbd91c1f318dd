// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::dash {

// Writes one XML 1.0 document, indented, attributes in the order they are given. Values are escaped, and
// characters that XML cannot express are left out.
class XmlWriter {
 public:
  XmlWriter();

  XmlWriter& open(std::string_view element);
  // REQUIRES: the open element has neither text nor children yet
  XmlWriter& attribute(std::string_view name, std::string_view value);
  XmlWriter& attribute(std::string_view name, std::int64_t value);
  XmlWriter& attribute(std::string_view name, std::uint64_t value);
  XmlWriter& attribute(std::string_view name, std::uint32_t value) {
    return attribute(name, std::uint64_t{value});
  }
  XmlWriter& text(std::string_view value);
  // Well-formed XML as it is.
  XmlWriter& raw(std::string_view xml);
  // Ends the innermost open element.
  XmlWriter& close();

  // REQUIRES: every element is closed
  [[nodiscard]] const std::string& document() const { return out_; }

 private:
  void end_start_tag();
  void begin_line();

  std::string out_;
  std::vector<std::string> open_;
  bool in_start_tag_ = false;
  bool has_text_ = false;
};

}  // namespace tarn::dash
