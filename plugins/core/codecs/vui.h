// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/codecs/nal.h"
#include "core/codecs/stream_info.h"

// The parts of vui_parameters() that H.264 (ISO/IEC 14496-10 E.1.1) and HEVC (23008-2 E.2.1) share.
namespace tarn::codecs {

struct VideoUsability {
  std::uint32_t sar_width = 1;
  std::uint32_t sar_height = 1;
  // ISO/IEC 23091-2; 2: not specified
  std::uint32_t colour_primaries = 2;
  std::uint32_t transfer_characteristics = 2;
  std::uint32_t matrix_coefficients = 2;
  std::uint32_t frame_rate_numerator = 0;  // from the timing info; 0: not given
  std::uint32_t frame_rate_denominator = 1;
};

// aspect_ratio_idc and, where it says so, the ratio written out. Unspecified ratios leave 1:1.
void read_aspect_ratio(BitReader& in, VideoUsability& vui);
// From video_format to the colour description, when there is one.
void read_video_signal_type(BitReader& in, VideoUsability& vui);
// A frame lasts `ticks_per_frame` times units_in_tick / time_scale seconds. More than 1000 frames a second is
// nonsense and leaves the rate unknown.
void set_frame_rate(VideoUsability& vui, std::uint64_t units_in_tick, std::uint64_t time_scale,
                    std::uint32_t ticks_per_frame);

void describe_usability(const VideoUsability& vui, StreamInfo& info);

}  // namespace tarn::codecs
