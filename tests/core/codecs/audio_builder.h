// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "tests/core/codecs/h264_builder.h"

// Audio frames whose headers are right and whose data is one byte, repeated.
namespace tarn::test {

inline ByteVector filled(const BitWriter& header, std::size_t size, std::uint8_t fill) {
  ByteVector frame = header.bytes();
  frame.resize(size, fill);
  return frame;
}

// 48 kHz, 3/2.1, 192 kbit/s: 768 bytes
inline ByteVector ac3_frame(std::uint8_t fill = 1) {
  BitWriter w;
  w.bits(0x0B770000, 32);
  w.bits(0, 2);
  w.bits(20, 6);
  w.bits(8, 5);
  w.bits(0, 3);
  w.bits(7, 3);
  w.bits(0, 4);  // cmixlev, surmixlev
  w.bits(1, 1);
  return filled(w, 768, fill);
}

struct Eac3Options {
  unsigned type = 0;
  unsigned substream = 0;
  unsigned block_code = 3;  // numblkscod; 3: six blocks
  unsigned mode = 7;
  bool lfe = true;
  unsigned channel_map = 0;  // 0: none
  unsigned joc = 0;
  std::size_t size = 200;
  std::uint8_t fill = 1;
};
inline ByteVector eac3_frame(const Eac3Options& o = {}) {
  BitWriter w;
  w.bits(0x0B77, 16);
  w.bits(o.type, 2);
  w.bits(o.substream, 3);
  w.bits(o.size / 2 - 1, 11);
  w.bits(0, 2);
  w.bits(o.block_code, 2);
  w.bits(o.mode, 3);
  w.bits(o.lfe ? 1 : 0, 1);
  w.bits(16, 5);
  w.bits(31, 5);
  w.bits(0, 1);  // compre
  if (o.type == 1) {
    w.bits(o.channel_map != 0 ? 1 : 0, 1);
    if (o.channel_map != 0) w.bits(o.channel_map, 16);
  }
  // Mixing metadata with all that an independent 3/2.1 can have
  w.bits(1, 1);
  if (o.mode > 2) w.bits(0, 2);
  if (o.mode % 2 == 1 && o.mode > 2) w.bits(0, 6);
  if (o.mode >= 4) w.bits(0, 6);
  if (o.lfe) w.bits(0x20, 6);
  if (o.type == 0) {
    w.bits(0x40, 7);  // pgmscl
    w.bits(0, 1);
    w.bits(3, 2);  // mixdef, with two bytes of data
    w.bits(0, 5);
    w.bits(0xFFFF, 16);
    if (o.mode < 2) w.bits(0, o.mode == 0 ? 2 : 1);
    w.bits(0, 1);
  }
  w.bits(1, 1);  // infomdate
  w.bits(0, 5);
  if (o.mode == 2) w.bits(0, 4);
  if (o.mode >= 6) w.bits(0, 2);
  w.bits(0, o.mode == 0 ? 2 : 1);
  w.bits(0, 1);
  if (o.type == 0 && o.block_code != 3) w.bits(0, 1);
  w.bits(o.joc != 0 ? 1 : 0, 1);  // addbsie
  if (o.joc != 0) {
    w.bits(1, 6);
    w.bits(1, 8);
    w.bits(o.joc, 8);
  }
  return filled(w, o.size, o.fill);
}

// MPEG-1 layer III, 128 kbit/s, 48 kHz, joint stereo: 384 bytes
inline ByteVector mp3_frame(std::uint8_t fill = 1, std::uint8_t layer_bits = 0xFB) {
  ByteVector frame{0xFF, layer_bits, 0x94, 0x44};
  frame.resize(384, fill);
  return frame;
}

}  // namespace tarn::test
