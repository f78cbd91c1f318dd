// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/text.h"
#include "tests/core/codecs/h264_builder.h"

// HEVC parameter sets as x265 wrote them (Main, 326x182, 30000/1001), and slices whose headers are right and
// whose data is noise.
namespace tarn::test {

inline ByteVector hevc_vps() { return *parse_hex("40010c01ffff01600000030090000003000003003c959809"); }
inline ByteVector hevc_sps() {
  return *parse_hex("42010101600000030090000003000003003ca00a480b9d565959a4932bc05a02000007d20000ea6010");
}
inline ByteVector hevc_pps() { return *parse_hex("4401c172b46240"); }
inline ByteVector hevc_delimiter() { return {0x46, 0x01, 0x50}; }

inline ByteVector hevc_slice(std::uint8_t type, std::uint32_t seed = 1, bool first = true,
                             std::size_t size = 40) {
  BitWriter w;
  w.bits(1, 8);  // nuh_layer_id, nuh_temporal_id_plus1
  w.bits(first ? 1 : 0, 1);
  if (type >= 16 && type <= 23) w.bits(0, 1);
  w.ue(0);
  std::uint32_t noise = seed * 2'654'435'761U + 1;
  for (std::size_t i = 0; i < size; ++i) {
    noise = noise * 1'664'525U + 1'013'904'223U;
    w.bits((noise >> 24U) < 100 ? noise >> 31U : noise >> 16U & 0xFFU, 8);
  }
  w.stop();
  return make_nal(static_cast<std::uint8_t>(type << 1U), w.bytes());
}

}  // namespace tarn::test
