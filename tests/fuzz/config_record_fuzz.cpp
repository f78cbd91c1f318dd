// SPDX-License-Identifier: Apache-2.0
// Configuration records of every codec (the first byte says which): what can be described can be put into a
// CMAF header, and comes back from it as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/codecs/manifest_terms.h"
#include "core/codecs/stream_info.h"
#include "core/isobmff/cmaf.h"

namespace {

using namespace tarn;
using namespace tarn::codecs;

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto codec = static_cast<Codec>(data[0] % 10);
  const Result<StreamInfo> described = stream_info_from_config(codec, Bytes{data + 1, size - 1});
  if (!described.ok()) return 0;
  StreamInfo info = *described;
  require(info.codec == codec && !info.codec_string.empty() && info.timescale > 0);
  if (kind_of(codec) == Kind::audio) {
    require(info.sample_rate > 0 && info.channels > 0);
    require(!hls_channels(info).empty());
    (void)channel_configuration(info);
  } else if (info.width == 0) {
    info.width = info.height = 16;  // the record leaves it to the sample entry
  }
  const Result<ByteVector> header = isobmff::write_init(info, "eng");
  if (!header.ok()) return 0;
  const Result<isobmff::ParsedInit> init = isobmff::parse_init(*header);
  require(init.ok());
  StreamInfo back = init->info;
  require(back.codec == codec);
  if (codec == Codec::mp3) {
    // Its header is made anew, without what differs from frame to frame.
    require(back.sample_rate == info.sample_rate && back.channels == info.channels &&
            back.samples_per_frame == info.samples_per_frame);
    return 0;
  }
  require(back == info);
  return 0;
}
