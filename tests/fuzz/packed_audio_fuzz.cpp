// SPDX-License-Identifier: Apache-2.0
// Packed audio: no input crashes the reader; what it takes has one time, and cut off behind its tags it is
// refused. ID3 frames lie within their tag.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/mpegts/id3.h"
#include "core/mpegts/packed_audio.h"

namespace {

using namespace tarn;
using namespace tarn::mpegts;

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input{data, size};
  std::size_t tags = 0;
  while (const auto tag = id3_tag_size(input.subspan(tags))) {
    require(*tag >= 10 && *tag <= size - tags);
    const Bytes bytes = input.subspan(tags, *tag);
    for (const PrivateFrame& frame : private_frames(bytes)) {
      require(frame.data.data() >= bytes.data() &&
              frame.data.data() + frame.data.size() <= bytes.data() + *tag);
    }
    tags += *tag;
  }
  const Result<codecs::MediaSegment> media = demux_packed_audio(input);
  if (!media.ok()) return 0;
  require(is_packed_audio(input) && tags > 0 && media->streams.size() == 1);
  const codecs::ElementaryStream& stream = media->streams.front();
  require(!stream.units.empty() && !stream.configs.empty() && stream.data.size() <= size - tags);
  std::uint32_t last = 0;
  for (const codecs::AccessUnit& unit : stream.units) {
    require(unit.pts == stream.units.front().pts && unit.pts >> 33U == 0 && unit.sync);
    require(&unit == &stream.units.front() || unit.frame_in_pes > last);
    last = unit.frame_in_pes;
  }
  require(!demux_packed_audio(input.first(tags)).ok());
  return 0;
}
