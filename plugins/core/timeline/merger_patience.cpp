// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/timeline/merger_impl.h"

// How long a slot is held for a track that is no reference (S18). Encoders whose tracks are files of their
// own may end those of sound later than those of pictures, by up to a segment and every time: what is always
// late is expected late.
namespace tarn::timeline {
namespace {

constexpr std::size_t remembered_slots = 8;
constexpr std::uint64_t unknown_slots = 3;

}  // namespace

// A slot is open that could be used from `available` on. REQUIRES: slot_
void Merger::Impl::note_slot(TrackState& track, Monotonic available) {
  if (track.kind == codecs::Kind::text || &track == &running_->ref()) return;
  std::int64_t end = slot_end_in(track) - slack(track);
  if (track.kind == codecs::Kind::video) end -= tolerance(track, {0, end - track.edge, true, nullptr}, false);
  track.unreached.push_back({end, available});
  // What nobody sent in all this time is missing, not late.
  while (!track.unreached.empty() && now_ - track.unreached.front().available > pace() * 3) {
    track.unreached.pop_front();
    track.lateness.clear();
  }
  for (Input& input : inputs_) {
    Session* session = joined_session(input.id);
    const TrackFeed* feed = session == nullptr ? nullptr : session->find(track.key);
    if (feed == nullptr || !feed->seen_end || *feed->seen_end + feed->shift < end) continue;
    // What is held came when it came, however long nobody has asked for it; the rest was there before.
    const auto held = std::find_if(feed->units.begin(), feed->units.end(), [&](const Arrived& one) {
      return one.unit.start + one.unit.duration + feed->shift >= end;
    });
    note_reached(track, *feed->seen_end + feed->shift, held == feed->units.end() ? available : held->at);
  }
}

// The track has come up to `end`, at `at`.
void Merger::Impl::note_reached(TrackState& track, std::int64_t end, Monotonic at) const {
  while (!track.unreached.empty() && track.unreached.front().end <= end) {
    const Microseconds late = at - track.unreached.front().available;
    track.unreached.pop_front();
    if (late > target()) continue;
    track.lateness.push_back(std::max(late, Microseconds{0}));
    if (track.lateness.size() > remembered_slots) track.lateness.pop_front();
  }
}

// From when a slot could be used, and what is expected with it. A stretch begins when all tracks have come:
// how late one of them is shows only later.
Microseconds Merger::Impl::patience(const TrackState& track) {
  const auto has_come = [&](const Input& input) {
    const Session* session = joined_session(input.id);
    const TrackFeed* feed = session == nullptr ? nullptr : session->find(track.key);
    return feed != nullptr && feed->seen_end;
  };
  if (running_->slots <= unknown_slots && std::any_of(inputs_.begin(), inputs_.end(), has_come))
    return std::max(margin(), target());
  const auto latest = std::max_element(track.lateness.begin(), track.lateness.end());
  return latest == track.lateness.end() ? margin() : *latest + margin();
}

}  // namespace tarn::timeline
