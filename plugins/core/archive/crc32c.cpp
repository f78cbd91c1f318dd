// SPDX-License-Identifier: Apache-2.0
#include "core/archive/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace tarn::archive {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;  // bit-reflected

using Table = std::array<std::uint32_t, 256>;

// tables[n][b]: register after byte b and n zero bytes.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? polynomial : 0);
    tables[0][byte] = value;
  }
  for (std::size_t n = 1; n < 8; ++n) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[n - 1][byte];
      tables[n][byte] = (before >> 8U) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}
constexpr std::array<Table, 8> tables = make_tables();

std::uint32_t one_byte(std::uint32_t state, std::uint8_t byte) {
  return (state >> 8U) ^ tables[0][(state ^ byte) & 0xFFU];
}

std::uint32_t extend_portable(std::uint32_t state, const std::uint8_t* data, std::size_t size) {
  for (; size >= 8; data += 8, size -= 8) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const std::uint32_t folded = i < 4 ? (state >> (8 * i)) & 0xFFU : 0;
      next ^= tables[7 - i][data[i] ^ folded];
    }
    state = next;
  }
  for (; size > 0; --size) state = one_byte(state, *data++);
  return state;
}

#if defined(__x86_64__)

// Three lanes hide the latency of the instruction; their registers are joined by shifting the
// earlier ones over `lane` zero bytes, which is linear: four tables of one byte each.
constexpr std::size_t lane = 4096;

const std::array<Table, 4>& lane_shift() {
  static const std::array<Table, 4> shift = [] {
    std::array<std::uint32_t, 32> of_bit{};
    for (std::size_t bit = 0; bit < 32; ++bit) {
      std::uint32_t state = 1U << bit;
      for (std::size_t i = 0; i < lane; ++i) state = one_byte(state, 0);
      of_bit[bit] = state;
    }
    std::array<Table, 4> made{};
    for (std::size_t part = 0; part < 4; ++part) {
      for (std::size_t byte = 0; byte < 256; ++byte) {
        for (std::size_t bit = 0; bit < 8; ++bit) {
          if ((byte >> bit & 1U) != 0) made[part][byte] ^= of_bit[8 * part + bit];
        }
      }
    }
    return made;
  }();
  return shift;
}

std::uint32_t over_lane(const std::array<Table, 4>& shift, std::uint32_t state) {
  return shift[0][state & 0xFFU] ^ shift[1][(state >> 8U) & 0xFFU] ^ shift[2][(state >> 16U) & 0xFFU] ^
         shift[3][state >> 24U];
}

std::uint64_t load(const std::uint8_t* data) {
  std::uint64_t word = 0;
  std::memcpy(&word, data, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t extend_sse42(std::uint32_t state, const std::uint8_t* data,
                                                             std::size_t size) {
  if (size >= 3 * lane) {
    const auto& shift = lane_shift();
    for (; size >= 3 * lane; data += 3 * lane, size -= 3 * lane) {
      std::uint64_t a = state;
      std::uint64_t b = 0;
      std::uint64_t c = 0;
      for (std::size_t i = 0; i < lane; i += 8) {
        a = _mm_crc32_u64(a, load(data + i));
        b = _mm_crc32_u64(b, load(data + lane + i));
        c = _mm_crc32_u64(c, load(data + 2 * lane + i));
      }
      const std::uint32_t ab =
          over_lane(shift, static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b);
      state = over_lane(shift, ab) ^ static_cast<std::uint32_t>(c);
    }
  }
  std::uint64_t wide = state;
  for (; size >= 8; data += 8, size -= 8) wide = _mm_crc32_u64(wide, load(data));
  state = static_cast<std::uint32_t>(wide);
  for (; size > 0; --size) state = _mm_crc32_u8(state, *data++);
  return state;
}

#endif

std::uint32_t extend(std::uint32_t state, const std::uint8_t* data, std::size_t size) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return extend_sse42(state, data, size);
#endif
  return extend_portable(state, data, size);
}

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t crc) { return ~extend(~crc, bytes.data(), bytes.size()); }

std::uint32_t crc32c_portable(Bytes bytes, std::uint32_t crc) {
  return ~extend_portable(~crc, bytes.data(), bytes.size());
}

}  // namespace tarn::archive
