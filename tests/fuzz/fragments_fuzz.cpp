// SPDX-License-Identifier: Apache-2.0
// A header and a segment of somebody else's: what is demuxed lies back to back in its data, and cutting a
// segment short takes samples from its end only.
#include <cstdint>
#include <cstdlib>

#include "core/isobmff/segment_demuxer.h"
#include "header_length.h"

namespace {

using namespace tarn;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const codecs::ElementaryStream& stream) {
  require(stream.id != 0 && stream.timescale != 0 && !stream.configs.empty() && !stream.units.empty());
  std::size_t end = 0;
  for (const codecs::AccessUnit& unit : stream.units) {
    require(unit.offset == end && unit.size > 0 && unit.config < stream.configs.size());
    end += unit.size;
  }
  require(end == stream.data.size());
}

}  // namespace

// Two bytes say how long the header is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes rest{data + 2, size - 2};
  const std::size_t length = std::min<std::size_t>(rest.size(), data[0] * 256U + data[1]);
  const auto header = isobmff::read_movie_header(rest.first(length));
  const Bytes segment = rest.subspan(length);
  const auto cut = isobmff::is_cut_short(segment);
  if (!header.ok()) return 0;
  const auto media = isobmff::demux_fragments(*header, Blob::copy_of(segment));
  if (!media.ok()) return 0;
  require(media->streams.size() <= header->tracks.size());
  for (const codecs::ElementaryStream& stream : media->streams) check(stream);
  require(!cut.ok() || *cut == media->truncated);
  const auto part = isobmff::demux_fragments(*header, Blob::copy_of(segment.first(segment.size() / 2)));
  if (!part.ok()) return 0;
  for (const codecs::ElementaryStream& stream : part->streams) check(stream);
  return 0;
}
