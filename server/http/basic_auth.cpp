// SPDX-License-Identifier: Apache-2.0
#include "server/http/basic_auth.h"

#include "core/base/bytes.h"
#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr std::size_t longest_field = 1024;

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  text.remove_suffix(padding);
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6U | static_cast<unsigned>(digit)) & 0xffffffU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> static_cast<unsigned>(count) & 0xffU));
    }
  }
  return out;
}

bool is_basic(std::string_view scheme) {
  constexpr std::string_view basic = "basic";
  if (scheme.size() != basic.size()) return false;
  for (std::size_t i = 0; i < basic.size(); ++i) {
    if ((static_cast<unsigned char>(scheme[i]) | 0x20U) != static_cast<unsigned char>(basic[i])) return false;
  }
  return true;
}

}  // namespace

std::optional<BasicCredentials> parse_basic(std::string_view authorization) {
  if (authorization.size() > longest_field) return std::nullopt;
  const auto space = authorization.find(' ');
  if (space == std::string_view::npos || !is_basic(authorization.substr(0, space))) return std::nullopt;
  const auto pair = decode_base64(trim(authorization.substr(space)));
  if (!pair) return std::nullopt;
  const auto colon = pair->find(':');
  if (colon == std::string::npos || pair->find('\0') != std::string::npos) return std::nullopt;
  return BasicCredentials{pair->substr(0, colon), pair->substr(colon + 1)};
}

}  // namespace tarn::server
