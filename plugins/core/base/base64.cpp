// SPDX-License-Identifier: Apache-2.0
#include "core/base/base64.h"

namespace tarn {
namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view for_urls = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(Bytes bytes, std::string_view alphabet, bool padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8U | (k < count ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      if (k <= count) {
        text += alphabet[group >> (18U - 6U * k) & 63U];
      } else if (padded) {
        text += '=';
      }
    }
  }
  return text;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::optional<ByteVector> decode(std::string_view text, std::string_view alphabet, bool padded) {
  ByteVector bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  unsigned count = 0;
  unsigned padding = 0;
  for (const char c : text) {
    if (is_space(c)) continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos || padding > 0) return std::nullopt;
    group = group << 6U | static_cast<std::uint32_t>(value);
    if (++count < 4) continue;
    for (const unsigned shift : {16U, 8U, 0U}) bytes.push_back(static_cast<std::uint8_t>(group >> shift));
    group = 0;
    count = 0;
  }
  if (count == 1 || (count == 0 && padding > 0)) return std::nullopt;
  if (count > 0 && padding != 4 - count && (padded || padding != 0)) return std::nullopt;
  if (count == 2) {
    if ((group & 0xFU) != 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(group >> 4U));
  } else if (count == 3) {
    if ((group & 3U) != 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(group >> 10U));
    bytes.push_back(static_cast<std::uint8_t>(group >> 2U));
  }
  return bytes;
}

}  // namespace

std::string base64(Bytes bytes) { return encode(bytes, standard, true); }
std::string base64url(Bytes bytes) { return encode(bytes, for_urls, false); }
std::optional<ByteVector> parse_base64(std::string_view text) { return decode(text, standard, true); }
std::optional<ByteVector> parse_base64url(std::string_view text) { return decode(text, for_urls, false); }

}  // namespace tarn
