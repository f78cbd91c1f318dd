// SPDX-License-Identifier: Apache-2.0
#include "core/hls/attributes.h"

#include <limits>
#include <string>

#include "core/base/text.h"
#include "core/hls/decimal.h"

namespace tarn::hls {
namespace {

constexpr std::size_t most_attributes = 64;

bool is_name(std::string_view text) {
  for (const char c : text) {
    if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-') return false;
  }
  return !text.empty();
}

bool parse_side(std::string_view text, std::uint32_t& side) {
  const auto value = parse_u64(text);
  if (!value || *value > std::numeric_limits<std::uint32_t>::max()) return false;
  side = static_cast<std::uint32_t>(*value);
  return true;
}

}  // namespace

Result<Attributes> Attributes::parse(const Line& line) {
  Attributes parsed{line};
  std::string_view rest = line.value;
  while (!rest.empty()) {
    const auto equals = rest.find('=');
    const std::string_view name = trim(rest.substr(0, equals));
    if (equals == std::string_view::npos || !is_name(name)) {
      return line_error(ErrorCode::malformed, line, "not an attribute", rest);
    }
    if (parsed.has(name)) return parsed.wrong(name, "appears twice");
    if (parsed.attributes_.size() == most_attributes) {
      return line_error(ErrorCode::limit, line,
                        "more than " + std::to_string(most_attributes) + " attributes");
    }
    rest.remove_prefix(equals + 1);
    Attribute attribute{name, {}, !rest.empty() && rest.front() == '"'};
    if (attribute.is_quoted) {
      const auto end = rest.find('"', 1);
      if (end == std::string_view::npos) return parsed.wrong(name, "the closing quote is missing");
      attribute.value = rest.substr(1, end - 1);
      rest = trim(rest.substr(end + 1));
      if (!rest.empty() && rest.front() != ',')
        return parsed.wrong(name, "text after the closing quote", rest);
    } else {
      const auto end = rest.find(',');
      attribute.value = trim(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
      if (attribute.value.empty()) return parsed.wrong(name, "has no value");
      if (attribute.value.find('"') != std::string_view::npos) {
        return parsed.wrong(name, "a quote in the middle", attribute.value);
      }
    }
    if (!rest.empty()) rest.remove_prefix(1);
    parsed.attributes_.push_back(attribute);
  }
  return parsed;
}

const Attributes::Attribute* Attributes::find(std::string_view name) const {
  for (const auto& attribute : attributes_) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

Error Attributes::wrong(std::string_view name, std::string_view reason) const {
  return line_error(ErrorCode::malformed, line_, std::string{name} + ": " + std::string{reason});
}

Error Attributes::wrong(std::string_view name, std::string_view reason, std::string_view what) const {
  return line_error(ErrorCode::malformed, line_, std::string{name} + ": " + std::string{reason}, what);
}

Result<std::string_view> Attributes::quoted(std::string_view name) const {
  const Attribute* attribute = find(name);
  if (attribute == nullptr) return std::string_view{};
  if (!attribute->is_quoted) return wrong(name, "not a quoted string", attribute->value);
  return attribute->value;
}

Result<std::string_view> Attributes::required_quoted(std::string_view name) const {
  if (!has(name)) return wrong(name, "is missing");
  const auto value = TRY(quoted(name));
  if (value.empty()) return wrong(name, "is empty");
  return value;
}

Result<std::string_view> Attributes::enumerated(std::string_view name) const {
  const Attribute* attribute = find(name);
  if (attribute == nullptr) return std::string_view{};
  if (attribute->is_quoted) return wrong(name, "must not be quoted", attribute->value);
  return attribute->value;
}

Result<std::uint64_t> Attributes::integer(std::string_view name) const {
  const Attribute* attribute = find(name);
  if (attribute == nullptr) return std::uint64_t{0};
  const auto value = attribute->is_quoted ? std::nullopt : parse_u64(attribute->value);
  if (!value) return wrong(name, "not a whole number", attribute->value);
  return *value;
}

Result<std::uint64_t> Attributes::required_integer(std::string_view name) const {
  if (!has(name)) return wrong(name, "is missing");
  return integer(name);
}

Result<std::uint32_t> Attributes::decimal_thousandths(std::string_view name) const {
  const Attribute* attribute = find(name);
  if (attribute == nullptr) return std::uint32_t{0};
  const auto value = attribute->is_quoted ? std::nullopt : parse_decimal(attribute->value, 3);
  if (!value || value->scaled > std::numeric_limits<std::uint32_t>::max()) {
    return wrong(name, "not a decimal number", attribute->value);
  }
  return static_cast<std::uint32_t>(value->scaled);
}

Result<std::optional<Resolution>> Attributes::resolution(std::string_view name) const {
  const Attribute* attribute = find(name);
  if (attribute == nullptr) return std::optional<Resolution>{};
  const auto sides = split(attribute->value, 'x');
  Resolution resolution;
  if (attribute->is_quoted || sides.size() != 2 || !parse_side(sides[0], resolution.width) ||
      !parse_side(sides[1], resolution.height)) {
    return wrong(name, "not a resolution", attribute->value);
  }
  return std::optional{resolution};
}

Result<std::optional<bool>> Attributes::yes_no(std::string_view name) const {
  const auto value = TRY(enumerated(name));
  if (value == "YES") return std::optional{true};
  if (value.empty() || value == "NO") return std::optional{false};
  return std::optional<bool>{};
}

Result<std::string_view> Attributes::quoted_or_none(std::string_view name) const {
  const Attribute* attribute = find(name);
  if (attribute == nullptr) return std::string_view{};
  if (!attribute->is_quoted && attribute->value != "NONE") {
    return wrong(name, "neither a quoted string nor NONE", attribute->value);
  }
  return attribute->value;
}

}  // namespace tarn::hls
