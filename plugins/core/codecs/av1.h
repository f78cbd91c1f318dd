// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

// AV1: the sequence header (AV1 specification 5.5) and the configuration record "av1C" (AV1 Codec ISO Media
// File Format Binding 2.3).
namespace tarn::codecs::av1 {

// sequence_header_obu(): what packaging reads of it.
struct SequenceHeader {
  std::uint8_t profile = 0;
  std::uint8_t level = 0;  // seq_level_idx of the first operating point
  bool high_tier = false;
  std::uint32_t bit_depth = 8;
  bool monochrome = false;
  bool subsampling_x = true;
  bool subsampling_y = true;
  std::uint32_t chroma_sample_position = 0;
  bool full_range = false;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t frame_rate_numerator = 0;  // 0: not given, or not constant
  std::uint32_t frame_rate_denominator = 1;
  std::uint32_t colour_primaries = 2;
  std::uint32_t transfer_characteristics = 2;
  std::uint32_t matrix_coefficients = 2;
};
// `payload`: of the OBU, without its header
Result<SequenceHeader> parse_sequence_header(Bytes payload);

// Size and frame rate come from the sequence header inside; a record without one leaves them to the
// container. `config` is taken over byte for byte.
Result<StreamInfo> stream_info_from_config(Bytes av1c);

}  // namespace tarn::codecs::av1
