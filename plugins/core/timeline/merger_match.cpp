// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/timeline/merger_impl.h"

// What belongs where in time: which sessions of the inputs fit the running stretch, and who can give
// what comes next in a track.
namespace tarn::timeline {
namespace {

std::int64_t distance(std::int64_t a, std::int64_t b) { return a < b ? b - a : a - b; }

std::int64_t ticks_of(Microseconds time, std::uint32_t timescale) {
  return rescale(time.count(), 1'000'000, timescale);
}

}  // namespace

bool Merger::Impl::compatible(const Session& session) const {
  const std::vector<Track>& tracks = running_->stretch.tracks;
  return !session.misplaced && session.tracks.size() == tracks.size() &&
         std::all_of(tracks.begin(), tracks.end(), [&](const Track& track) {
           const TrackFeed* feed = session.find(track.description.key);
           return feed != nullptr && same_media(feed->description, track.description);
         });
}

bool Merger::Impl::joined(const Session& session) const {
  return running_ && session.stretch == running_->stretch.id && session.stretch != 0;
}

Session* Merger::Impl::joined_session(InputId input) {
  for (Session& session : inputs_[input].sessions) {
    if (joined(session)) return &session;
  }
  return nullptr;
}

// When what ends at `media_end` of the timeline is here at the latest if it comes as before.
std::optional<Monotonic> Merger::Impl::expected(const Session& session, Microseconds media_end) const {
  const TrackFeed* feed = joined(session) ? session.find(running_->ref().key) : nullptr;
  const Microseconds shift =
      feed == nullptr ? Microseconds{0} : to_microseconds(feed->shift, feed->timescale());
  return session.expected(media_end - shift);
}

// What the input sent before is of no use any more.
void Merger::Impl::join(Input& input, Session& session) {
  session.stretch = session.met = running_->stretch.id;
  session.is_askew = false;
  forget_lags();
  while (&input.sessions.front() != &session) {
    for (const TrackFeed& feed : input.sessions.front().tracks) input.status.discarded += feed.units.size();
    input.sessions.pop_front();
  }
}

bool Merger::Impl::is_source(const TrackState& track, const Input& input, const Session& session) const {
  return track.source == std::pair{input.id, session.serial};
}

// By how much a unit may miss the edge of its track and still lie at it. What an input sends is allowed
// more against what itself sent before (a dropped frame, an estimated duration) than against what
// the other one sent.
std::int64_t Merger::Impl::tolerance(const TrackState& track, const Unit& unit, bool same_source) const {
  if (track.kind != codecs::Kind::video) return std::max<std::int64_t>(unit.duration / 2, 1);
  std::int64_t gop = std::max<std::int64_t>(unit.duration, 0);
  if (running_->nominal > 0) gop = rescale(running_->nominal, running_->ref().timescale, track.timescale);
  std::int64_t strict = std::min(gop / 8, ticks_of(Microseconds{20'000}, track.timescale));
  if (track.half_frame > 0) strict = std::min(strict, track.half_frame);
  if (!same_source) return strict;
  return std::max(strict, std::min(gop / 8, ticks_of(Microseconds{100'000}, track.timescale)));
}

// A session joins when `arrived`, of its reference track, begins at the edge or with a recent slot.
void Merger::Impl::match(Input& input, Session& session, const Arrived& arrived) {
  if (!running_ || running_->closed || joined(session) || !compatible(session)) return;
  const TrackState& ref = running_->ref();
  TrackFeed& feed = *session.find(ref.key);
  const std::int64_t tolerated = tolerance(ref, arrived.unit, false);
  const auto join_at = [&](std::int64_t position) {
    if (session.met != running_->stretch.id) {
      for (TrackFeed& other : session.tracks) other.shift_known = false;
    }
    if (!feed.shift_known) feed.shift = position - arrived.unit.start;
    feed.shift_known = true;
    // The other tracks are off by as much, to the tick once they meet the timeline.
    for (TrackFeed& other : session.tracks) {
      if (!other.shift_known) other.shift = rescale(feed.shift, feed.timescale(), other.timescale());
    }
    join(input, session);
  };
  if (Session* before = joined_session(input.id); before != nullptr && before->find(ref.key) != nullptr) {
    // Its earlier session is not used up yet.
    if (!before->over || !before->find(ref.key)->units.empty()) return;
  }
  if (!session.breaks && distance(arrived.unit.start, running_->slot_edge) <= tolerated) {
    join_at(running_->slot_edge);
    return;
  }
  const auto& recent = running_->recent;
  auto at = std::lower_bound(recent.begin(), recent.end(), arrived.unit.start - tolerated,
                             [](const RecentSlot& slot, std::int64_t start) { return slot.start < start; });
  if (at == recent.end() || at->start > arrived.unit.start + tolerated) return;
  const Microseconds apart = arrived.at < at->at ? at->at - arrived.at : arrived.at - at->at;
  if (apart > pace() * 5) return;
  // A discontinuity lies before the session: the timeline must have gone on past it without one, or
  // have begun with it.
  const bool passed = session.first_at && at->decided > *session.first_at;
  if (session.breaks && !passed && input.sessions.front().met == running_->stretch.id) return;
  join_at(at->start);
}

void Merger::Impl::match_all() {
  for (Input& input : inputs_) {
    for (Session& session : input.sessions) {
      const TrackFeed* feed = session.find(running_->ref().key);
      if (joined(session) || feed == nullptr) continue;
      look_again(input, session);
      for (std::size_t i = 0; i < feed->units.size() && !joined(session); ++i) {
        const Unit& unit = feed->units[i].unit;
        match(input, session,
              {{unit.start, unit.duration, unit.sync, nullptr}, feed->units[i].at, feed->units[i].at_utc});
      }
      if (joined(session)) break;
    }
  }
}

// Slots end inside its last GOPs: its times do not fit.
bool Merger::Impl::crosses(const TrackFeed& feed) const {
  if (running_->ref().kind != codecs::Kind::video) return false;
  const std::size_t from = feed.units.size() > 8 ? feed.units.size() - 8 : 0;
  for (std::size_t i = from; i < feed.units.size(); ++i) {
    const Unit& unit = feed.units[i].unit;
    const std::int64_t tolerated = tolerance(running_->ref(), unit, false);
    const auto inside = [&](std::int64_t bound) {
      return bound > unit.start + tolerated && bound < unit.start + unit.duration - tolerated;
    };
    if (inside(running_->slot_edge) ||
        std::any_of(running_->recent.begin(), running_->recent.end(),
                    [&](const RecentSlot& slot) { return inside(slot.start); })) {
      return true;
    }
  }
  return false;
}

// The session is still behind the edge, but so near that it will soon be there.
bool Merger::Impl::approaching(const Session& session) const {
  if (session.breaks || session.over || joined(session) || !compatible(session)) return false;
  const TrackState& ref = running_->ref();
  const TrackFeed* feed = session.find(ref.key);
  if (!feed->seen_end || crosses(*feed)) return false;
  const std::int64_t behind = running_->slot_edge - *feed->seen_end;
  return behind >= 0 && to_microseconds(behind, ref.timescale) <= pace() * 3 / 2;
}

// Where content of the session lies that begins at or after the edge, if it fits the stretch.
std::optional<std::int64_t> Merger::Impl::ahead(const Session& session) const {
  if (session.breaks || joined(session) || !compatible(session)) return std::nullopt;
  if (session.is_askew || crosses(*session.find(running_->ref().key))) return std::nullopt;
  for (const Arrived& arrived : session.find(running_->ref().key)->units) {
    const std::int64_t tolerated = tolerance(running_->ref(), arrived.unit, false);
    if (arrived.unit.start + arrived.unit.duration <= running_->slot_edge + tolerated) continue;
    if (arrived.unit.start < running_->slot_edge - tolerated) return std::nullopt;  // across the edge
    const std::int64_t gap = arrived.unit.start - running_->slot_edge;
    if (to_microseconds(gap, running_->ref().timescale) > pace() * 3) return std::nullopt;
    return arrived.unit.start;
  }
  return std::nullopt;
}

bool Merger::Impl::count_unneeded(Input& input, TrackState& track, const Arrived& arrived,
                                  std::int64_t position) {
  const std::int64_t end = position + arrived.unit.duration;
  const bool late = std::any_of(track.holes.begin(), track.holes.end(), [&](const TrackState::Range& hole) {
    return position < hole.end && end > hole.start;
  });
  ++(late ? input.status.late : input.status.duplicates);
  if (late) return true;
  const bool is_reference = &track == &running_->ref();
  if (!is_reference || track.kind != codecs::Kind::video) compare_other(input, track, arrived, position);
  if (!is_reference) return false;
  const std::int64_t tolerated = tolerance(track, arrived.unit, false);
  const auto& recent = running_->recent;
  const auto at = std::find_if(recent.rbegin(), recent.rend(), [&](const RecentSlot& slot) {
    return distance(slot.start, position) <= tolerated;
  });
  const std::int64_t bound =
      at == recent.rend() || at == recent.rbegin() ? running_->slot_edge : std::prev(at)->start;
  const bool fits = at != recent.rend() && distance(bound, end) <= tolerated;
  note_bounds(input, arrived, position, fits);
  note_shift(input, arrived, position, fits ? 0 : tolerated);
  if (at == recent.rend() && !recent.empty() && position < recent.front().start)
    look_for_shown(input, arrived, position);
  if (at == recent.rend() || at->hole || at->input == input.id) return false;
  if (fits) compare(input, *at, arrived, position);
  measure_lag(input, *at, arrived, position);
  input.status.drift = arrived.at - at->at;
  inputs_[at->input].status.drift = at->at - arrived.at;
  return false;
}

// Forgets what lies before the edge: it is decided already.
void Merger::Impl::trim(Input& input, Session& session, TrackState& track, TrackFeed& feed) {
  const std::size_t kept = track.late.size();
  while (!feed.units.empty()) {
    const Arrived& arrived = feed.units.front();
    const std::int64_t position = feed.next();
    const std::int64_t tolerated = tolerance(track, arrived.unit, is_source(track, input, session));
    const bool has_more = track.broken || position + arrived.unit.duration > track.edge;
    if (position >= track.edge - tolerated && position > track.last_start && has_more) break;
    if (count_unneeded(input, track, arrived, position)) {
      keep_late(track, {std::move(feed.units.front()), position, input.id});
    }
    feed.units.pop_front();
  }
  if (track.late.size() > kept) repair(track);
}

void Merger::Impl::trim_added(Input& input, Session& session, TrackFeed& feed) {
  for (TrackState& track : running_->tracks) {
    if (track.key == feed.description.key) trim(input, session, track, feed);
  }
}

// S1: how many held units, from the first on, make the next GOP. More than one when it does not
// begin with a sync sample: then it takes the following GOP with it. 0: not known yet.
std::size_t Merger::Impl::group_size(const Session& session, const TrackFeed& feed) const {
  std::int64_t length = 0;
  for (std::size_t i = 0; i < feed.units.size(); ++i) {
    const Unit& unit = feed.units[i].unit;
    if (i > 0) {
      const Unit& before = feed.units[i - 1].unit;
      if (distance(before.start + before.duration, unit.start) > before.duration / 8) return i;
    }
    length += unit.duration;
    if (unit.sync || to_microseconds(length, feed.timescale()) > pace() * 3) return i + 1;
  }
  return session.over ? feed.units.size() : 0;
}

Supply Merger::Impl::supply(Input& input, Session& session, TrackState& track) {
  TrackFeed& feed = *session.find(track.key);
  trim(input, session, track, feed);
  if (!joined(session)) return Supply::none;  // what was looked at showed that it is not aligned
  const bool video = track.kind == codecs::Kind::video;
  const auto is_detached_here = [&] {
    return track.broken || is_detached(track, input, session, feed.units.front());
  };
  while (video && !feed.units.empty() && !feed.units.front().unit.sync && is_detached_here()) {
    feed.units.pop_front();  // nothing to decode it with, or another encoder's pictures
    ++input.status.discarded;
  }
  if (feed.units.empty()) return Supply::none;
  const Unit& unit = feed.units.front().unit;
  if (feed.next() > track.edge + tolerance(track, unit, is_source(track, input, session)))
    return Supply::later;
  const bool is_reference = &track == &running_->ref();
  if (is_reference && video && group_size(session, feed) == 0) return Supply::none;
  return Supply::ready;
}

// The input may still give what ends at `media_end`, but no longer than until `limit`.
bool Merger::Impl::awaited(InputId id, const TrackState& track, Microseconds media_end,
                           std::optional<Monotonic> limit) {
  const Input& input = inputs_[id];
  if (input.ended || (limit && now_ >= *limit)) return false;
  const Session* session = joined_session(id);
  // S17. Subtitles that have been silent for three target durations are not waited for.
  if (track.kind == codecs::Kind::text) {
    const bool is_silent = limit && *limit > std::max(track.came, running_->begun) + pace() * 3;
    const bool waits = limit && session != nullptr && !session->over && !is_silent;
    if (waits) wake_at(*limit);
    return waits;
  }
  std::optional<Monotonic> until;
  if (session == nullptr && &track == &running_->ref()) {
    const bool near = !input.sessions.empty() && approaching(input.sessions.back());
    if (near) session = &input.sessions.back();
    // After a restart the other input may have what the first one to come back lacks.
    if (input.status.units == 0 && !active_ && first_unit_at_) until = *first_unit_at_ + margin();
  }
  if (session != nullptr && !session->over) {
    until = expected(*session, media_end);
    if (until) *until += &track == &running_->ref() ? margin() : patience(track);
    // The slot's own deadline is the rule for what is no reference (S18), but where the reference is missing.
    if (until && limit && !slot_->is_hole) until = std::max(*until, *limit);
  }
  if (!until || now_ >= *until) return false;
  wake_at(limit ? std::min(*until, *limit) : *until);
  return true;
}

std::array<InputId, input_count> Merger::Impl::preference() const {
  const InputId first = active_.value_or(0);
  return {first, first == 0 ? InputId{1} : InputId{0}};
}

// The input's copy of the next GOP is here while viewers have waited for it for long, or has been here for so
// long that the active input, of which it is expected still, must have fallen behind by a segment since this
// began. What is held is bounded, and so is this.
bool Merger::Impl::outruns_active(const Input& input, const Session& session) {
  const Microseconds lead = std::min(input.lag.lead().value_or(pace() * 5), pace() * 5);
  const TrackFeed& feed = *session.find(running_->ref().key);
  const std::size_t count = feed.is_video() ? group_size(session, feed) : 1;
  Monotonic until = feed.units[count - 1].at + lead + std::max(pace(), margin());
  // What it was late by before is expected again: playlists shall not age by more than 1.5 segments for that.
  const auto& recent = running_->recent;
  if (!recent.empty() && !recent.back().hole) {
    const bool has_grown = running_->growth.count() > 0;
    const Monotonic grown = has_grown ? running_->grown_at : recent.back().decided;
    until = std::min(until, grown + std::max(pace(), running_->growth) * 29 / 20);
  }
  if (now_ < until) wake_at(until);
  return now_ >= until;
}

// Who gives what comes next in the track, ending at about `media_end`.
Choice Merger::Impl::select(TrackState& track, Microseconds media_end, std::optional<Monotonic> limit) {
  Choice choice;
  bool is_silent = false;
  for (const InputId id : preference()) {
    Session* session = joined_session(id);
    const Supply has = session == nullptr ? Supply::none : supply(inputs_[id], *session, track);
    if (has == Supply::ready) {
      // The other one's copy is held while the active one may still come.
      if (!choice.wait || !active_ || is_silent) return {id, false};
      if (&track == &running_->ref() && outruns_active(inputs_[id], *session)) return {id, false};
      return choice;
    }
    if (session != nullptr && id == active_)
      is_silent = session->is_silent(*session->find(track.key), session->newest_end(), pace() * 3 / 2, now_);
    if (has == Supply::none && awaited(id, track, media_end, limit)) choice.wait = true;
  }
  return choice;
}

}  // namespace tarn::timeline
