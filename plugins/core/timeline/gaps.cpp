// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/gaps.h"

#include <algorithm>
#include <iterator>

#include "core/timeline/slot_time.h"

namespace tarn::timeline {
namespace {

constexpr std::uint64_t slots_looked_at = 4096;
constexpr std::size_t stretches_looked_at = 64;
// A stretch that begins anew is dated by arrivals, which jitter: what is less is no loss of content.
constexpr Microseconds shortest_outage = std::chrono::milliseconds{500};

std::vector<TrackId> missing_in(const SlotView& slot, const Stretch& stretch) {
  std::vector<TrackId> missing;
  if (slot.chunks.size() == stretch.tracks.size()) return missing;  // one of each: nearly every slot
  for (const Track& track : stretch.tracks) {
    if (codecs::kind_of(track.description.info.codec) == codecs::Kind::text) continue;
    if (slot.find(track.id) == nullptr) missing.push_back(track.id);
  }
  return missing;
}

bool came_late(const Timeline& timeline, std::uint64_t slot, const std::vector<TrackId>& tracks) {
  return std::all_of(tracks.begin(), tracks.end(),
                     [&](TrackId track) { return timeline.find_late(slot, track) != nullptr; });
}

// Holes inside of stretches, newest first: slots side by side that lack the same are one.
void add_holes(const Timeline& timeline, std::size_t most, std::vector<Gap>& gaps) {
  const std::uint64_t end = timeline.end_slot();
  const std::uint64_t first = std::max(timeline.first_slot(), end - std::min(end, slots_looked_at));
  const Stretch* stretch = nullptr;
  std::uint64_t after = 0;  // the slot that the newest gap of the list begins with
  for (std::uint64_t number = end; number-- > first;) {
    const auto slot = timeline.find(number);
    if (slot == nullptr) continue;
    if (stretch == nullptr || stretch->id != slot->stretch) {
      stretch = timeline.stretch(slot->stretch);
      after = 0;
      if (stretch == nullptr) continue;
    }
    auto missing = missing_in(*slot, *stretch);
    if (missing.empty()) continue;
    const bool recovered = came_late(timeline, number, missing);
    const bool joins =
        after == number + 1 && gaps.back().tracks == missing && gaps.back().recovered == recovered;
    if (joins) {
      gaps.back().start = slot->utc;
    } else {
      if (gaps.size() == most) return;
      gaps.push_back({slot->utc, end_of(timeline, *slot), std::move(missing), recovered});
    }
    after = number;
  }
}

// Between stretches, newest first.
void add_outages(const Timeline& timeline, std::size_t most, std::vector<Gap>& gaps) {
  std::size_t looked_at = 0;
  for (auto at = timeline.stretches.rbegin(); at != timeline.stretches.rend(); ++at) {
    if (looked_at++ == stretches_looked_at || gaps.size() == most) return;
    const std::uint64_t first = at->second->first_slot;
    if (first == 0 || first <= timeline.first_slot() || first >= timeline.end_slot()) continue;
    const auto before = timeline.find(first - 1);
    const auto begins = timeline.find(first);
    if (before == nullptr || begins == nullptr) continue;
    const Utc ended = end_of(timeline, *before);
    if (begins->utc - ended >= shortest_outage) gaps.push_back({ended, begins->utc, {}, false});
  }
}

}  // namespace

std::vector<Gap> recent_gaps(const Timeline& timeline, std::size_t most) {
  if (timeline.empty()) return {};
  std::vector<Gap> holes;
  std::vector<Gap> all;
  add_holes(timeline, most, holes);
  add_outages(timeline, most, all);
  std::move(holes.begin(), holes.end(), std::back_inserter(all));
  std::sort(all.begin(), all.end(), [](const Gap& a, const Gap& b) { return a.start < b.start; });
  if (all.size() > most) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
  return all;
}

}  // namespace tarn::timeline
