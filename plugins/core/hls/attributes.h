// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/hls/lines.h"

namespace tarn::hls {

// An attribute list (RFC 8216bis 4.2): `NAME=value,NAME="value"`. Names are unique; what is not asked
// for is passed over. Getters name the tag, the attribute and what is wrong with it.
class Attributes {
 public:
  static Result<Attributes> parse(const Line& line);

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  // Empty when absent.
  [[nodiscard]] Result<std::string_view> quoted(std::string_view name) const;
  [[nodiscard]] Result<std::string_view> required_quoted(std::string_view name) const;
  [[nodiscard]] Result<std::string_view> enumerated(std::string_view name) const;
  // 0 when absent.
  [[nodiscard]] Result<std::uint64_t> integer(std::string_view name) const;
  [[nodiscard]] Result<std::uint64_t> required_integer(std::string_view name) const;
  [[nodiscard]] Result<std::uint32_t> decimal_thousandths(std::string_view name) const;
  [[nodiscard]] Result<std::optional<Resolution>> resolution(std::string_view name) const;
  // None: neither YES nor NO, so that the whole tag is to be ignored (6.3.1). Absent is NO.
  [[nodiscard]] Result<std::optional<bool>> yes_no(std::string_view name) const;
  // A quoted string, or the enumerated string NONE: both as their text.
  [[nodiscard]] Result<std::string_view> quoted_or_none(std::string_view name) const;

 private:
  struct Attribute {
    std::string_view name;
    std::string_view value;  // without quotes
    bool is_quoted = false;
  };

  explicit Attributes(const Line& line) : line_(line) {}
  [[nodiscard]] const Attribute* find(std::string_view name) const;
  [[nodiscard]] Error wrong(std::string_view name, std::string_view reason) const;
  [[nodiscard]] Error wrong(std::string_view name, std::string_view reason, std::string_view what) const;

  Line line_;
  std::vector<Attribute> attributes_;
};

}  // namespace tarn::hls
