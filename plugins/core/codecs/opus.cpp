// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/opus.h"

#include <string>

namespace tarn::codecs::opus {

Result<StreamInfo> stream_info_from_config(Bytes dops) {
  Reader in{dops};
  const std::uint8_t version = in.u8();
  const std::uint32_t channels = in.u8();
  in.skip(8);  // PreSkip, InputSampleRate, OutputGain
  const std::uint8_t family = in.u8();
  if (family != 0) in.skip(2 + std::size_t{channels});  // StreamCount, CoupledCount, ChannelMapping
  if (!in.ok()) return truncated("dOps: ends inside its fields");
  if (version != 0) return unsupported("dOps: version " + std::to_string(version));
  if (channels == 0 || (family == 0 && channels > 2)) return malformed("dOps: channel count out of range");
  StreamInfo info;
  info.codec = Codec::opus;
  info.timescale = clock_rate;
  info.config.assign(dops.begin(), dops.end());
  // The registered name is "Opus" as the sample entry's; Chromium takes only "opus", Firefox both, and
  // players put the name right for Safari, which takes only "Opus".
  info.codec_string = "opus";
  info.sample_rate = clock_rate;
  info.channels = channels;
  return info;
}

}  // namespace tarn::codecs::opus
