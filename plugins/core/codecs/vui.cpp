// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/vui.h"

#include <array>
#include <numeric>
#include <tuple>
#include <utility>

namespace tarn::codecs {
namespace {

constexpr std::uint32_t extended_sar = 255;
using Ratio = std::pair<std::uint8_t, std::uint8_t>;
// Table E-1
constexpr std::array<Ratio, 17> sample_aspect_ratios{
    Ratio{1, 1},   Ratio{1, 1},    Ratio{12, 11}, Ratio{10, 11}, Ratio{16, 11}, Ratio{40, 33},
    Ratio{24, 11}, Ratio{20, 11},  Ratio{32, 11}, Ratio{80, 33}, Ratio{18, 11}, Ratio{15, 11},
    Ratio{64, 33}, Ratio{160, 99}, Ratio{4, 3},   Ratio{3, 2},   Ratio{2, 1}};

}  // namespace

void read_aspect_ratio(BitReader& in, VideoUsability& vui) {
  const std::uint32_t index = in.bits(8);
  std::uint32_t width = 1;
  std::uint32_t height = 1;
  if (index == extended_sar) {
    width = in.bits(16);
    height = in.bits(16);
  } else if (index < sample_aspect_ratios.size()) {
    std::tie(width, height) = sample_aspect_ratios[index];
  }
  if (width == 0 || height == 0) return;
  vui.sar_width = width;
  vui.sar_height = height;
}

void read_video_signal_type(BitReader& in, VideoUsability& vui) {
  in.skip(4);  // video_format, video_full_range_flag
  if (!in.flag()) return;
  const std::uint32_t primaries = in.bits(8);
  const std::uint32_t transfer = in.bits(8);
  const std::uint32_t matrix = in.bits(8);
  if (!in.ok()) return;
  vui.colour_primaries = primaries;
  vui.transfer_characteristics = transfer;
  vui.matrix_coefficients = matrix;
}

void set_frame_rate(VideoUsability& vui, std::uint64_t units_in_tick, std::uint64_t time_scale,
                    std::uint32_t ticks_per_frame) {
  const std::uint64_t denominator = units_in_tick * ticks_per_frame;
  if (denominator == 0 || time_scale == 0 || time_scale > denominator * 1000) return;
  const std::uint64_t divisor = std::gcd(time_scale, denominator);
  if (denominator / divisor > UINT32_MAX) return;
  vui.frame_rate_numerator = static_cast<std::uint32_t>(time_scale / divisor);
  vui.frame_rate_denominator = static_cast<std::uint32_t>(denominator / divisor);
}

void describe_usability(const VideoUsability& vui, StreamInfo& info) {
  info.sar_width = vui.sar_width;
  info.sar_height = vui.sar_height;
  info.frame_rate_numerator = vui.frame_rate_numerator;
  info.frame_rate_denominator = vui.frame_rate_denominator;
  info.colour_primaries = vui.colour_primaries;
  info.transfer_characteristics = vui.transfer_characteristics;
  info.matrix_coefficients = vui.matrix_coefficients;
}

}  // namespace tarn::codecs
