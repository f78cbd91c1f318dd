// SPDX-License-Identifier: Apache-2.0
#include "package/ts_tracks.h"

#include <algorithm>
#include <cstdlib>

#include "core/mpegts/splice_info.h"

namespace tarn::package {

std::vector<mpegts::Metadata> metadata_of(const std::vector<TsEvent>& events) {
  std::vector<mpegts::Metadata> all;
  std::vector<const TsEvent*> known;
  for (const TsEvent& event : events) {
    const bool is_splice = codecs::is_splice(event.message.scheme_id_uri);
    if (!is_splice && !codecs::is_id3(event.message.scheme_id_uri)) continue;
    const bool is_copy = std::any_of(known.begin(), known.end(), [&](const TsEvent* other) {
      return other->message.data == event.message.data && std::abs(other->time - event.time) <= 1;
    });
    if (is_copy) continue;
    known.push_back(&event);
    const Bytes data{event.message.data};
    if (!is_splice) {
      all.push_back({mpegts::Metadata::Kind::id3, event.time, event.time, data});
      continue;
    }
    const auto info = mpegts::parse_splice_info(data);
    const bool is_ahead = info.ok() && info->time;
    all.push_back({mpegts::Metadata::Kind::splice, is_ahead ? event.begin : event.time, event.time, data});
  }
  return all;
}

void decode_in_time(std::vector<mpegts::Sample>& samples) {
  std::int64_t early = 0;
  for (const auto& sample : samples) early = std::max(early, sample.dts - sample.pts);
  if (early == 0) return;
  for (auto& sample : samples) sample.dts -= early;
}

}  // namespace tarn::package
