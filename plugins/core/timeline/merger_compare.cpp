// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "core/timeline/merger_impl.h"

// What a failover would cost, said before there is one: copies of both inputs side by side.
namespace tarn::timeline {
namespace {

constexpr int enough = 3;  // one odd copy says nothing
// GOPs that are no slots count twice those that are: a cut of pictures may lie elsewhere once.
constexpr int enough_bounds = 6;
constexpr std::size_t remembered_copies = 64;

}  // namespace

void Merger::Impl::compare(Input& input, const RecentSlot& used, const Arrived& copy, std::int64_t position) {
  Session* session = joined_session(input.id);
  if (session == nullptr || used.digest == 0 || copy.unit.digest == 0) return;
  const bool differs = note_content(*session->find(running_->ref().key), used.digest, copy.unit.digest);
  judge_content(input, *session);
  if (!differs) return note_offset(input, 0);
  input.copies.push_back({position, copy.unit.digest});
  if (input.copies.size() > remembered_copies) input.copies.pop_front();
  const auto same =
      std::find_if(running_->recent.rbegin(), running_->recent.rend(),
                   [&](const RecentSlot& slot) { return !slot.hole && slot.digest == copy.unit.digest; });
  if (same != running_->recent.rend()) note_offset(input, position - same->start);
}

// The same of a video track that makes no slots.
void Merger::Impl::compare_other(Input& input, const TrackState& track, const Arrived& copy,
                                 std::int64_t position) {
  Session* session = joined_session(input.id);
  if (session == nullptr || track.kind != codecs::Kind::video || copy.unit.digest == 0) return;
  const std::int64_t tolerated = tolerance(track, copy.unit, false);
  const auto used = std::find_if(track.used.rbegin(), track.used.rend(), [&](const UsedCopy& one) {
    return std::abs(one.position - position) <= tolerated;
  });
  if (used == track.used.rend() || used->input == input.id || used->digest == 0) return;
  note_content(*session->find(track.key), used->digest, copy.unit.digest);
  judge_content(input, *session);
}

// True: they differ.
bool Merger::Impl::note_content(TrackFeed& feed, std::uint64_t used, std::uint64_t copy) {
  int& run = feed.differing;
  run = used != copy ? std::max(run, 0) + 1 : std::min(run, 0) - 1;
  run = std::clamp(run, -enough, enough);
  return used != copy;
}

void Merger::Impl::judge_content(Input& input, const Session& session) {
  bool& differs = input.status.different_content;
  const auto any = [&](auto is) { return std::any_of(session.tracks.begin(), session.tracks.end(), is); };
  if (any([](const TrackFeed& feed) { return feed.differing >= enough; })) differs = true;
  // Neither differs, nor is on its way to be the same again.
  if (!any([](const TrackFeed& feed) { return feed.differing > -enough && feed.differing != 0; }))
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
  for (Input& input : inputs_) input.lag.reset();
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

// GOPs that are as long as the timeline's lie beside them, again and again by as much: the input's times have
// moved while it sent. `tolerated`: 0: this one does not lie beside any.
void Merger::Impl::note_shift(Input& input, const Arrived& copy, std::int64_t position,
                              std::int64_t tolerated) {
  Session* session = joined_session(input.id);
  if (session == nullptr || running_->ref().kind != codecs::Kind::video || active_ == input.id) return;
  if (running_->recent.empty() || position < running_->recent.front().start) return;
  if (tolerated == 0 || input.status.open_segments) {
    session->shifted_copies = 0;
    return;
  }
  std::int64_t shift = position - running_->slot_edge;
  std::int64_t length = running_->nominal;
  std::int64_t end = running_->slot_edge;
  for (auto slot = running_->recent.rbegin(); slot != running_->recent.rend(); ++slot) {
    if (std::abs(position - slot->start) < std::abs(shift)) {
      shift = position - slot->start;
      length = end - slot->start;
    }
    end = slot->start;
  }
  if (std::abs(length - copy.unit.duration) > tolerated) {
    session->shifted_copies = 0;
    return;
  }
  const bool again = session->shifted_copies > 0 && std::abs(shift - session->content_shift) <= tolerated;
  session->shifted_copies = again ? session->shifted_copies + 1 : 1;
  session->content_shift = shift;
  if (session->shifted_copies >= enough) leave(input, *session, shift);
}

// It comes back with a stretch of its own.
void Merger::Impl::leave(Input& input, Session& session, std::int64_t offset) {
  session.misplaced = true;
  session.misplaced_by = offset;
  session.stretch = 0;
  input.other_gops = 0;
  input.status.different_gops = false;
}

// The other input may have sent this content before, for another time.
void Merger::Impl::look_for_copies(const RecentSlot& used) {
  if (used.digest == 0) return;
  for (Input& input : inputs_) {
    if (input.id == used.input) continue;
    const auto same = std::find_if(input.copies.rbegin(), input.copies.rend(),
                                   [&](const Input::Copy& copy) { return copy.digest == used.digest; });
    if (same != input.copies.rend()) note_offset(input, same->position - used.start);
  }
}

// The same content at another time, again and again by as much: the input is not aligned, even where its GOPs
// begin with the timeline's.
void Merger::Impl::note_offset(Input& input, std::int64_t offset) {
  Session* session = joined_session(input.id);
  if (session == nullptr) return;
  session->offset_copies = offset == 0                         ? 0
                           : offset == session->content_offset ? session->offset_copies + 1
                                                               : 1;
  session->content_offset = offset;
  if (session->offset_copies < enough || active_ == input.id) return;
  leave(input, *session, offset);
}

}  // namespace tarn::timeline
