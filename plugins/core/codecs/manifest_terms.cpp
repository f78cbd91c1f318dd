// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/manifest_terms.h"

#include "core/base/time.h"
#include "core/codecs/aac.h"

namespace tarn::codecs {
namespace {

// transfer_characteristics, ISO/IEC 23091-2 table 3
constexpr std::uint32_t unspecified = 2;
constexpr std::uint32_t perceptual_quantiser = 16;
constexpr std::uint32_t hybrid_log_gamma = 18;
constexpr std::uint32_t lowest_mpeg1_rate = 32'000;

}  // namespace

std::string isobmff_codec_string(const StreamInfo& info) {
  if (info.codec != Codec::mp3) return info.codec_string;
  return info.sample_rate >= lowest_mpeg1_rate ? "mp4a.6B" : "mp4a.69";
}

std::string_view video_range(const StreamInfo& info) {
  if (kind_of(info.codec) != Kind::video) return {};
  switch (info.transfer_characteristics) {
    case unspecified:
      return {};
    case perceptual_quantiser:
      return "PQ";
    case hybrid_log_gamma:
      return "HLG";
    default:
      return "SDR";
  }
}

bool is_high_dynamic_range(const StreamInfo& info) {
  return info.transfer_characteristics == perceptual_quantiser ||
         info.transfer_characteristics == hybrid_log_gamma;
}

std::string hls_channels(const StreamInfo& info) {
  if (info.joc_complexity != 0) return std::to_string(info.joc_complexity) + "/JOC";
  return info.channels == 0 ? std::string{} : std::to_string(info.channels);
}

std::uint32_t display_width(const StreamInfo& info) {
  if (info.sar_width == 0 || info.sar_height == 0) return info.width;
  return static_cast<std::uint32_t>(rescale(info.width, info.sar_height, info.sar_width));
}

std::uint32_t channel_configuration(const StreamInfo& info) {
  if (info.codec == Codec::aac) {
    // channelConfiguration means the same, but does not count the channel that PS adds.
    const auto config = aac::parse_config(info.config);
    if (config.ok() && config->channels == info.channels) return config->channel_configuration;
  }
  if (info.channels <= 6) return info.channels;
  return info.channels == 8 ? 7 : 0;
}

}  // namespace tarn::codecs
