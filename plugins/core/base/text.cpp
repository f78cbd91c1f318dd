// SPDX-License-Identifier: Apache-2.0
#include "core/base/text.h"

#include <charconv>

namespace tarn {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::size_t longest_component = 200;

}  // namespace

std::optional<std::uint64_t> parse_u64(std::string_view text) { return parse_number<std::uint64_t>(text); }
std::optional<std::int64_t> parse_i64(std::string_view text) { return parse_number<std::int64_t>(text); }

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string hex(Bytes bytes) {
  static constexpr std::string_view alphabet = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += alphabet[byte >> 4U];
    text += alphabet[byte & 15U];
  }
  return text;
}

std::optional<ByteVector> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  ByteVector bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

bool is_path_component(std::string_view text) {
  if (text.empty() || text.size() > longest_component || !is_name_character(text.front())) return false;
  for (const char c : text) {
    if (!is_name_character(c) && c != '.') return false;
  }
  return true;
}

bool is_resource_name(std::string_view text) {
  if (text.empty() || text.size() > longest_component) return false;
  for (const char c : text) {
    if (!is_name_character(c)) return false;
  }
  return true;
}

}  // namespace tarn
