// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "core/timeline/merger_impl.h"

// What a failover would cost, said before there is one: copies of both inputs side by side.
namespace tarn::timeline {
namespace {

// GOPs that are no slots count twice those that are: a cut of pictures may lie elsewhere once.
constexpr int enough_bounds = 6;

}  // namespace

// How many copies in a row say something: one odd GOP says nothing, nor does a moment of sound.
int Merger::Impl::enough_copies(codecs::Kind kind) { return kind == codecs::Kind::video ? 3 : 48; }

// What was used of the track at `position`, if that is remembered.
const UsedCopy* Merger::Impl::used_at(const TrackState& track, std::int64_t position,
                                      std::int64_t tolerated) {
  const auto at =
      std::lower_bound(track.used.begin(), track.used.end(), position - tolerated,
                       [](const UsedCopy& one, std::int64_t from) { return one.position < from; });
  return at == track.used.end() || at->position > position + tolerated ? nullptr : &*at;
}

void Merger::Impl::compare(Input& input, const RecentSlot& used, const Arrived& copy, std::int64_t position) {
  Session* session = joined_session(input.id);
  if (session == nullptr || used.digest == 0 || copy.unit.digest == 0) return;
  const bool differs = note_content(*session->find(running_->ref().key), used.digest, copy.unit.digest);
  judge_content(input, *session);
  if (!differs) return note_offset(input, 0);
  remember_copy(input, copy, position);
  const auto same =
      std::find_if(running_->recent.rbegin(), running_->recent.rend(),
                   [&](const RecentSlot& slot) { return !slot.hole && slot.digest == copy.unit.digest; });
  if (same != running_->recent.rend()) note_offset(input, position - same->start);
}

// The same of a track whose units are no slots.
void Merger::Impl::compare_other(Input& input, const TrackState& track, const Arrived& copy,
                                 std::int64_t position) {
  Session* session = joined_session(input.id);
  if (session == nullptr || copy.unit.digest == 0) return;
  const UsedCopy* used = used_at(track, position, tolerance(track, copy.unit, false));
  if (used == nullptr || used->input == input.id || used->digest == 0) return;
  const bool differs = note_content(*session->find(track.key), used->digest, copy.unit.digest);
  judge_content(input, *session);
  if (&track != &running_->ref()) return;
  if (!differs && session->offset_copies == 0) return;
  const auto is_same = [&](const UsedCopy& one) { return one.digest == copy.unit.digest; };
  const auto count = std::count_if(track.used.begin(), track.used.end(), is_same);
  if (count > 1) return;  // silence is the same everywhere
  if (!differs) return note_offset(input, 0);
  remember_copy(input, copy, position);
  if (count == 0) return;
  note_offset(input, position - std::find_if(track.used.begin(), track.used.end(), is_same)->position);
}

// True: they differ.
bool Merger::Impl::note_content(TrackFeed& feed, std::uint64_t used, std::uint64_t copy) {
  const codecs::Kind kind = codecs::kind_of(feed.description.info.codec);
  int& run = feed.differing;
  run = used != copy ? std::max(run, 0) + 1 : std::min(run, 0) - 1;
  run = std::clamp(run, -enough_copies(kind), enough_copies(kind));
  return used != copy;
}

void Merger::Impl::judge_content(Input& input, const Session& session) {
  bool& differs = input.status.different_content;
  const auto any = [&](auto is) { return std::any_of(session.tracks.begin(), session.tracks.end(), is); };
  const auto needed = [](const TrackFeed& feed) {
    return enough_copies(codecs::kind_of(feed.description.info.codec));
  };
  if (any([&](const TrackFeed& feed) { return feed.differing >= needed(feed); })) differs = true;
  // Neither differs, nor is on its way to be the same again.
  if (!any([&](const TrackFeed& feed) { return feed.differing > -needed(feed) && feed.differing != 0; }))
    differs = false;
}

void Merger::Impl::measure_lag(Input& input, const RecentSlot& used, const Arrived& copy,
                               std::int64_t position) {
  input.lag.add(to_microseconds(position, running_->ref().timescale), copy.at - used.at, pace(), margin());
  if (input.lag.is_above(margin())) input.status.lagging = true;
  if (input.lag.is_below(margin() / 2)) input.status.lagging = false;
  const auto lead = input.lag.lead();
  const auto recent = input.lag.recent_lead();
  if (used.input != active_ || !lead || !recent) return;
  bool& falls_behind = inputs_[used.input].status.lagging;
  falls_behind = *recent - *lead > (falls_behind ? margin() / 2 : margin());
}

// What came before says nothing: another input is the active one, or one began anew.
void Merger::Impl::forget_lags() {
  for (Input& input : inputs_) {
    input.lag.reset();
    input.status.lagging = false;
  }
}

// A GOP that is not needed is as long as a slot and lies where it does, or does not.
void Merger::Impl::note_bounds(Input& input, const Arrived& copy, std::int64_t position, bool fits) const {
  const auto& recent = running_->recent;
  if (running_->ref().kind != codecs::Kind::video || !copy.unit.sync || active_ == input.id) return;
  if (input.status.open_segments) return;  // slots begin with the ends of GOPs
  if (recent.empty() || position < recent.front().start) return;
  int& count = input.other_gops;
  count = std::clamp(count + (fits ? -1 : 2), 0, enough_bounds);
  if (count == enough_bounds) input.status.different_gops = true;
  if (count == 0) input.status.different_gops = false;
}

}  // namespace tarn::timeline
