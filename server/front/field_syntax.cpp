// SPDX-License-Identifier: Apache-2.0
#include "server/front/field_syntax.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <limits>

#include "core/base/text.h"

namespace tarn::server::front {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// RFC 9110 5.6.2
constexpr bool is_token_character(char c) {
  return is_digit(c) || is_letter(c) || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

// Names are looked at byte by byte, for every field of every request.
constexpr std::array<bool, 256> token_characters = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = is_token_character(static_cast<char>(i));
  return table;
}();

constexpr bool is_value_character(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

constexpr bool is_visible_character(char c) { return c > 0x20 && c < 0x7f; }

bool is_port(std::string_view text) {
  const auto port = parse_u64(text);
  return port && text.size() <= 5 && *port <= 65535;
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return token_characters[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_value_character);
}

bool is_visible(std::string_view text) { return std::all_of(text.begin(), text.end(), is_visible_character); }

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  return std::equal(
      text.begin(), text.end(), lower_case.begin(), lower_case.end(), [](char sent, char lower) {
        return (sent >= 'A' && sent <= 'Z' ? static_cast<char>(sent + ('a' - 'A')) : sent) == lower;
      });
}

bool delimits_messages(std::string_view name) {
  constexpr std::string_view names[] = {"content-length", "transfer-encoding", "connection",
                                        "proxy-connection", "upgrade"};
  return std::any_of(std::begin(names), std::end(names),
                     [name](std::string_view own) { return equals_ignoring_case(name, own); });
}

bool is_host(std::string_view text) {
  constexpr std::size_t longest = 255;
  std::string_view name = text;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    name = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    const bool is_address =
        name.find(':') != std::string_view::npos &&
        std::all_of(name.begin(), name.end(), [](char c) { return is_hex_digit(c) || c == ':' || c == '.'; });
    if (!is_address) return false;
  } else {
    name = text.substr(0, text.find(':'));
    text.remove_prefix(name.size());
    const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == '_' || c == '~';
    });
    if (!is_name) return false;
  }
  return name.size() <= longest && (text.empty() || (text.front() == ':' && is_port(text.substr(1))));
}

std::optional<std::uint64_t> parse_content_length(std::string_view text) {
  constexpr std::size_t most_digits = 19;
  if (text.size() > most_digits) return std::nullopt;
  const auto value = parse_u64(text);
  if (!value || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::nullopt;
  return value;
}

FieldLine split_field_line(std::string_view line) {
  FieldLine field;
  if (line.front() == ' ' || line.front() == '\t') {
    field.problem = "a folded field line";
    return field;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    field.problem = "a field line without a colon";
    return field;
  }
  field.name = line.substr(0, colon);
  field.value = trim(line.substr(colon + 1));
  if (field.name.empty()) {
    field.problem = "a field without a name";
  } else if (field.name.ends_with(' ') || field.name.ends_with('\t')) {
    field.problem = "white space between a field's name and its colon";
  } else if (!is_token(field.name)) {
    field.problem = "a field name that is no token";
  } else if (!is_field_value(field.value)) {
    field.problem = "a control character in a field value";
  }
  return field;
}

}  // namespace tarn::server::front
