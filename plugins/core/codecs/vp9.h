// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

// VP9: the payload of "vpcC", its version and flags included (VP Codec ISO Media File Format Binding). The
// picture size is in the sample entry and in the frames only.
namespace tarn::codecs::vp9 {

// What vpcC says of a stream, where nobody has written one.
struct Stream {
  std::uint32_t profile = 0;
  std::uint32_t bit_depth = 8;
  std::uint32_t subsampling = 1;  // 1: 4:2:0, 2: 4:2:2, 3: 4:4:4
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t frame_rate_numerator = 0;  // 0: not known
  std::uint32_t frame_rate_denominator = 1;
};
// The level is the lowest that has room for size and frame rate; colours are not specified.
ByteVector configuration_record(const Stream& stream);

// `config` is taken over byte for byte.
Result<StreamInfo> stream_info_from_config(Bytes vpcc);

}  // namespace tarn::codecs::vp9
