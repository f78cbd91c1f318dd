// SPDX-License-Identifier: Apache-2.0
#include "ingest/segment_parts.h"

#include <algorithm>
#include <iterator>

namespace tarn::ingest {
namespace {

void drop_last_gop(codecs::ElementaryStream& stream) {
  if (!is_video(stream)) return;
  const auto last_sync = std::find_if(stream.units.rbegin(), stream.units.rend(),
                                      [](const codecs::AccessUnit& unit) { return unit.sync; });
  stream.units.erase(last_sync == stream.units.rend() ? stream.units.begin() : std::prev(last_sync.base()),
                     stream.units.end());
  std::erase_if(stream.events, [&](const auto& event) { return event.unit >= stream.units.size(); });
}

}  // namespace

bool is_video(const codecs::ElementaryStream& stream) {
  return codecs::kind_of(stream.codec) == codecs::Kind::video;
}

void keep_whole_gops(codecs::MediaSegment& segment) {
  for (codecs::ElementaryStream& stream : segment.streams) drop_last_gop(stream);
  std::erase_if(segment.streams, [](const codecs::ElementaryStream& stream) { return stream.units.empty(); });
}

std::vector<codecs::ElementaryStream> split_by_config(const codecs::ElementaryStream& stream) {
  std::vector<codecs::ElementaryStream> parts;
  std::uint32_t config = 0;
  auto event = stream.events.begin();
  for (std::size_t i = 0; i < stream.units.size(); ++i) {
    const codecs::AccessUnit& unit = stream.units[i];
    if (parts.empty() || unit.config != config) {
      config = unit.config;
      codecs::ElementaryStream& part = parts.emplace_back();
      part.id = stream.id;
      part.codec = stream.codec;
      part.language = stream.language;
      part.timescale = stream.timescale;
      part.wraps = stream.wraps;
      part.configs = {stream.configs[config]};
      part.data = stream.data;
      part.captions = stream.captions;
    }
    for (; event != stream.events.end() && event->unit <= i; ++event) {
      parts.back().events.push_back({static_cast<std::uint32_t>(parts.back().units.size()), event->message});
    }
    parts.back().units.push_back(unit);
    parts.back().units.back().config = 0;
  }
  return parts;
}

bool changes_config(const codecs::ElementaryStream& stream) {
  return std::any_of(stream.units.begin(), stream.units.end(),
                     [](const codecs::AccessUnit& unit) { return unit.config != 0; });
}

}  // namespace tarn::ingest
