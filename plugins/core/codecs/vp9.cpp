// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/vp9.h"

#include <algorithm>
#include <array>
#include <string>

namespace tarn::codecs::vp9 {
namespace {

constexpr std::uint32_t unspecified = 2;
constexpr std::uint32_t bt709 = 1;

std::string two_digits(std::uint32_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

}  // namespace

Result<StreamInfo> stream_info_from_config(Bytes vpcc) {
  Reader in{vpcc};
  const std::uint8_t version = in.u8();
  in.skip(3);
  const std::uint32_t profile = in.u8();
  const std::uint32_t level = in.u8();
  const std::uint8_t format = in.u8();
  const std::array<std::uint32_t, 3> colour{in.u8(), in.u8(), in.u8()};
  if (!in.ok()) return truncated("vpcC: ends inside its fields");
  if (version != 1) return unsupported("vpcC: version " + std::to_string(version));
  if (profile > 3) return malformed("vpcC: profile above 3");
  const std::uint32_t subsampling = format >> 1U & 7U;
  const bool full_range = (format & 1U) != 0;

  StreamInfo info;
  info.codec = Codec::vp9;
  info.config.assign(vpcc.begin(), vpcc.end());
  info.codec_string = "vp09." + two_digits(profile) + "." + two_digits(level) + "." +
                      two_digits(static_cast<std::uint32_t>(format >> 4U));
  // The colour part is written whole or not at all; 4:2:0 and BT.709 are what its absence means.
  const bool usual = subsampling <= 1 && !full_range &&
                     std::all_of(colour.begin(), colour.end(),
                                 [](std::uint32_t code) { return code == unspecified || code == bt709; });
  if (!usual) {
    info.codec_string += "." + two_digits(subsampling);
    for (const std::uint32_t code : colour) info.codec_string += "." + two_digits(code);
    info.codec_string += full_range ? ".01" : ".00";
  }
  info.colour_primaries = colour[0];
  info.transfer_characteristics = colour[1];
  info.matrix_coefficients = colour[2];
  return info;
}

}  // namespace tarn::codecs::vp9
