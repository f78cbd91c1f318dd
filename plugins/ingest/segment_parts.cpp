// SPDX-License-Identifier: Apache-2.0
#include "ingest/segment_parts.h"

#include <algorithm>
#include <iterator>

namespace tarn::ingest {
namespace {

void drop_last_gop(mpegts::ElementaryStream& stream) {
  if (!is_video(stream)) return;
  const auto last_sync = std::find_if(stream.units.rbegin(), stream.units.rend(),
                                      [](const mpegts::AccessUnit& unit) { return unit.sync; });
  stream.units.erase(last_sync == stream.units.rend() ? stream.units.begin() : std::prev(last_sync.base()),
                     stream.units.end());
}

}  // namespace

bool is_video(const mpegts::ElementaryStream& stream) {
  return codecs::kind_of(stream.codec) == codecs::Kind::video;
}

void keep_whole_gops(mpegts::Segment& segment) {
  for (mpegts::ElementaryStream& stream : segment.streams) drop_last_gop(stream);
  std::erase_if(segment.streams, [](const mpegts::ElementaryStream& stream) { return stream.units.empty(); });
}

std::vector<mpegts::ElementaryStream> split_by_config(const mpegts::ElementaryStream& stream) {
  std::vector<mpegts::ElementaryStream> parts;
  std::uint32_t config = 0;
  for (const mpegts::AccessUnit& unit : stream.units) {
    if (parts.empty() || unit.config != config) {
      config = unit.config;
      parts.push_back({stream.pid, stream.codec, stream.language, {stream.configs[config]}, {}, stream.data});
    }
    parts.back().units.push_back(unit);
    parts.back().units.back().config = 0;
  }
  return parts;
}

bool changes_config(const mpegts::ElementaryStream& stream) {
  return std::any_of(stream.units.begin(), stream.units.end(),
                     [](const mpegts::AccessUnit& unit) { return unit.config != 0; });
}

}  // namespace tarn::ingest
