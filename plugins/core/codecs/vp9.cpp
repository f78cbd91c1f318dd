// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/vp9.h"

#include <algorithm>
#include <array>
#include <iterator>
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

ByteVector configuration_record(const Stream& stream) {
  struct Level {
    std::uint8_t number;
    std::uint64_t samples_per_second;
    std::uint64_t picture;  // luma samples
  };
  // VP9 Bitstream and Decoding Process Specification, annex A
  static constexpr std::array<Level, 14> levels{{{10, 829'440, 36'864},
                                                 {11, 2'764'800, 73'728},
                                                 {20, 4'608'000, 122'880},
                                                 {21, 9'216'000, 245'760},
                                                 {30, 20'736'000, 552'960},
                                                 {31, 36'864'000, 983'040},
                                                 {40, 83'558'400, 2'228'224},
                                                 {41, 160'432'128, 2'228'224},
                                                 {50, 311'951'360, 8'912'896},
                                                 {51, 588'251'136, 8'912'896},
                                                 {52, 1'176'502'272, 8'912'896},
                                                 {60, 1'176'502'272, 35'651'584},
                                                 {61, 2'353'004'544, 35'651'584},
                                                 {62, 4'706'009'088, 35'651'584}}};
  const std::uint64_t picture = std::uint64_t{stream.width} * stream.height;
  const std::uint64_t rate =
      picture * stream.frame_rate_numerator / std::max<std::uint32_t>(stream.frame_rate_denominator, 1);
  const auto level = std::find_if(levels.begin(), std::prev(levels.end()), [&](const Level& one) {
    return one.picture >= picture && one.samples_per_second >= rate;
  });
  const unsigned format = stream.bit_depth << 4U | stream.subsampling << 1U;
  return {1,
          0,
          0,
          0,
          static_cast<std::uint8_t>(stream.profile),
          level->number,
          static_cast<std::uint8_t>(format),
          unspecified,
          unspecified,
          unspecified,
          0,
          0};
}

}  // namespace tarn::codecs::vp9
