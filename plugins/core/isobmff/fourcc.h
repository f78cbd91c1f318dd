// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tarn::isobmff {

// A four-character code: the type of a box, a brand, a handler.
using FourCC = std::uint32_t;

consteval FourCC fourcc(const char (&code)[5]) {
  FourCC value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8U | static_cast<unsigned char>(code[i]);
  return value;
}

// Size and type; the larger one has a 64-bit size after them.
constexpr std::size_t box_header_size = 8;
constexpr std::size_t large_box_header_size = 16;

// As text for messages; bytes that do not print become '?'.
inline std::string to_text(FourCC code) {
  std::string text(4, '?');
  for (unsigned i = 0; i < 4; ++i) {
    const auto c = static_cast<char>(code >> (24U - 8U * i));
    if (c >= ' ' && c <= '~') text[i] = c;
  }
  return text;
}

}  // namespace tarn::isobmff
