// SPDX-License-Identifier: Apache-2.0
#include "core/archive/missing_parts.h"

#include <algorithm>

namespace tarn::archive {
namespace {

// As many as the merger remembers.
constexpr std::uint64_t newest_slots = 64;

}  // namespace

std::map<timeline::TrackId, std::vector<timeline::MissingPart>> missing_parts(
    const timeline::Timeline& timeline, const timeline::Stretch& stretch) {
  std::map<timeline::TrackId, std::vector<timeline::MissingPart>> missing;
  const timeline::Track* reference = stretch.find(stretch.reference);
  if (timeline.empty() || reference == nullptr) return missing;
  const std::uint64_t end = timeline.end_slot();
  const std::uint64_t oldest = std::max(timeline.first_slot(), stretch.first_slot);
  const std::uint64_t first = std::max(oldest, end - std::min(end, newest_slots));
  for (const timeline::Track& track : stretch.tracks) {
    if (codecs::kind_of(track.description.info.codec) == codecs::Kind::text) continue;
    const auto in_track = [&](std::int64_t time) {
      return rescale(time, reference->description.info.timescale, track.description.info.timescale);
    };
    std::vector<timeline::MissingPart>& parts = missing[track.id];
    std::optional<std::int64_t> edge;  // end of what the slots before have
    for (std::uint64_t number = first; number < end; ++number) {
      const auto slot = timeline.find(number);
      if (slot == nullptr || slot->stretch != stretch.id) continue;
      if (const auto chunk = slot->find(track.id)) {
        // What lies between the slots' bounds belongs to the part before.
        if (!parts.empty() && parts.back().slot + 1 == number) parts.back().to = chunk->start;
        edge = chunk->start + chunk->duration;
        continue;
      }
      const bool came_late = timeline.find_late(number, track.id) != nullptr;
      const std::int64_t slot_end = in_track(slot->end);
      if (!came_late) parts.push_back({number, edge.value_or(in_track(slot->start)), slot_end, slot_end});
      edge = slot_end;
    }
    std::erase_if(parts, [](const timeline::MissingPart& part) { return part.from >= part.to; });
  }
  return missing;
}

}  // namespace tarn::archive
