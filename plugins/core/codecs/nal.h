// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"

// Byte streams of NAL units (ISO/IEC 14496-10 Annex B) and the bits inside (7.2, 7.4.1, 9.1). The
// same rules hold for H.264 and HEVC.
namespace tarn::codecs {

// Index of the first 00 00 01 that begins at or after `from`, or bytes.size().
std::size_t find_start_code(Bytes bytes, std::size_t from);

// Copies `from` to `to` up to the first 00 00 01 and returns that one's index, or from.size() when all
// was copied. Scanning and copying are one pass. REQUIRES: room for from.size() bytes at `to`, all of
// which may be written; the ranges do not overlap.
std::size_t copy_until_start_code(Bytes from, std::uint8_t* to);

// The payload without emulation prevention bytes (00 00 03 -> 00 00), at most `limit` bytes of it.
ByteVector unescape(Bytes nal, std::size_t limit = SIZE_MAX);

// Bits, most significant first, with a sticky error as Reader has: after it everything reads as 0.
class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t position() const { return position_; }  // in bits
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() * 8 - position_; }

  // REQUIRES: count <= 32
  std::uint32_t bits(unsigned count) {
    if (count > remaining()) {
      fail();
      return 0;
    }
    std::uint64_t value = 0;
    for (unsigned left = count; left > 0;) {
      const unsigned used = static_cast<unsigned>(position_ % 8);
      const unsigned take = left < 8 - used ? left : 8 - used;
      const unsigned byte = bytes_[position_ / 8];
      value = value << take | (byte >> (8 - used - take) & (0xFFU >> (8 - take)));
      position_ += take;
      left -= take;
    }
    return static_cast<std::uint32_t>(value);
  }
  bool flag() { return bits(1) != 0; }
  void skip(std::size_t count) {
    if (count > remaining()) {
      fail();
    } else {
      position_ += count;
    }
  }
  // Exp-Golomb, 9.1; values of up to 32 bits.
  std::uint32_t ue() {
    unsigned zeros = 0;
    while (ok_ && !flag()) {
      if (++zeros > 31) fail();
    }
    if (!ok_) return 0;
    return static_cast<std::uint32_t>((std::uint64_t{1} << zeros) - 1 + bits(zeros));
  }
  std::int32_t se() {
    const std::uint32_t code = ue();
    const auto half = static_cast<std::int64_t>((std::uint64_t{code} + 1) / 2);
    return static_cast<std::int32_t>(code % 2 == 1 ? half : -half);
  }

 private:
  void fail() {
    ok_ = false;
    position_ = bytes_.size() * 8;
  }

  Bytes bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace tarn::codecs
