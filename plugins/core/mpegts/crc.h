// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"

namespace tarn::mpegts {

namespace crc_detail {
inline constexpr std::array<std::uint32_t, 256> table = [] {
  std::array<std::uint32_t, 256> made{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i << 24U;
    for (int bit = 0; bit < 8; ++bit) value = value << 1U ^ ((value >> 31U) != 0 ? 0x04C11DB7U : 0U);
    made[i] = value;
  }
  return made;
}();
}  // namespace crc_detail

// CRC_32 of sections (ISO/IEC 13818-1 annex A). Over a section with its CRC_32 it gives 0.
constexpr std::uint32_t crc32(Bytes bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) crc = crc << 8U ^ crc_detail::table[crc >> 24U ^ byte];
  return crc;
}

}  // namespace tarn::mpegts
