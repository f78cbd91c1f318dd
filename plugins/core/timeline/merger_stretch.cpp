// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "core/timeline/merger_impl.h"

// Begins stretches: from which input, where, and with what UTC.
namespace tarn::timeline {
namespace {

TrackState state_of(const Track& track, std::int64_t edge) {
  TrackState state;
  const codecs::StreamInfo& info = track.description.info;
  state.id = track.id;
  state.key = track.description.key;
  state.kind = codecs::kind_of(info.codec);
  state.timescale = info.timescale;
  if (info.frame_rate_numerator > 0) {
    state.half_frame = std::int64_t{info.timescale} * info.frame_rate_denominator /
                       (2 * std::int64_t{info.frame_rate_numerator});
  }
  state.edge = edge;
  return state;
}

// Of video; nothing: no sync sample has come.
std::optional<std::int64_t> lead_of(const TrackFeed& feed) {
  if (!feed.is_video()) return std::nullopt;
  const auto sync = std::find_if(feed.units.begin(), feed.units.end(),
                                 [](const Arrived& arrived) { return arrived.unit.sync; });
  return sync == feed.units.end() ? std::nullopt : std::optional{sync->unit.lead};
}

// What comes within this time of the first unit came with it, in one segment.
constexpr Microseconds burst{500'000};

// The media from the first held unit to the last that came with it, and when that was.
struct Burst {
  Microseconds length;
  Utc arrival;
};

Burst burst_of(const TrackFeed& feed) {
  const Arrived& first = feed.units.front();
  const Arrived* last = &first;
  for (const Arrived& arrived : feed.units) {
    if (arrived.at - first.at > burst) break;
    last = &arrived;
  }
  const std::int64_t end = last->unit.start + last->unit.duration;
  return {to_microseconds(end - first.unit.start, feed.timescale()), last->at_utc};
}

std::string outage(Microseconds length) {
  return "outage of " + format_seconds(std::max(length.count(), std::int64_t{0}), 1'000'000, 1) + " s";
}

}  // namespace

// The stretch the archive ended with runs on if content comes that fits; if not, it is followed by a new one.
void Merger::Impl::resume_stretch(Resume resume) {
  for (const auto& [key, id] : resume.track_ids) track_ids_.emplace(key, id);
  if (resume.last_stretch) {
    for (const Track& track : resume.last_stretch->tracks) track_ids_[track.description.key] = track.id;
  }
  for (const auto& [key, id] : track_ids_) next_track_ = std::max(next_track_, id + 1);
  for (const auto& [id, edge] : resume.edges) next_track_ = std::max(next_track_, id + 1);
  if (!resume.last_stretch || resume.last_stretch->find(resume.last_stretch->reference) == nullptr) return;

  running_.emplace();
  running_->stretch = std::move(*resume.last_stretch);
  running_->slot_edge = running_->grown_to = resume.slot_end;
  running_->end_utc = resume.slot_end_utc;
  running_->closed = resume.ended;
  const Stretch& stretch = running_->stretch;
  const std::uint32_t reference_timescale = stretch.find(stretch.reference)->description.info.timescale;
  running_->base_utc = stretch.start;
  running_->base_time = stretch.start_time;
  const Microseconds since = to_microseconds(resume.slot_end - stretch.start_time, reference_timescale);
  if (is_clock_step(stretch.start + since, resume.slot_end_utc)) {
    running_->base_utc = resume.slot_end_utc;
    running_->base_time = resume.slot_end;
  }
  for (const Track& track : stretch.tracks) {
    const std::int64_t end = rescale(resume.slot_end, reference_timescale, track.description.info.timescale);
    TrackState& state = running_->tracks.emplace_back(state_of(track, end));
    for (const MissingPart& part : resume.missing[track.id]) {
      state.missing.push_back(part);
      state.holes.push_back({part.from, part.to});
    }
    if (track.id == stretch.reference) {
      running_->reference = running_->tracks.size() - 1;
      state.broken = false;
      continue;
    }
    // A track that was missing at the end begins anew at the end.
    const std::int64_t near = end - rescale(1, 2, state.timescale);
    for (const auto& [id, edge] : resume.edges) {
      if (id != track.id || edge < near) continue;
      state.edge = edge;
      state.broken = false;
    }
  }
}

TrackId Merger::Impl::id_of(const std::string& key) {
  const auto [at, is_new] = track_ids_.try_emplace(key, next_track_);
  if (is_new) ++next_track_;
  return at->second;
}

void Merger::Impl::switch_to(InputId id, const std::string& reason) {
  const std::optional<InputId> before = std::exchange(active_, id);
  if (!before || *before == id) return;
  utc_watch_.reset();
  // The timeline's GOPs are its own from now on: it is no copy that differs, nor one that comes later.
  Input& input = inputs_[id];
  input.other_gops = 0;
  for (Session& session : input.sessions)
    for (TrackFeed& feed : session.tracks) feed.differing = 0;
  forget_lags();
  input.status.different_gops = input.status.different_content = input.status.lagging = false;
  decisions_.emplace_back(InputSwitched{*before, id, running_ ? running_->slot_edge : 0, reason});
}

bool Merger::Impl::begin_next_stretch() {
  for (const InputId id : preference()) {
    Input& input = inputs_[id];
    Session* session = candidate(input);
    if (session == nullptr || !prepare(input, *session)) continue;
    if (!session->every_track_came() && !session->over) {
      // A track without data by then is one of the set all the same, and missing.
      const Monotonic patience = *session->first_at + pace() * 3 / 2;
      wake_at(patience);
      if (now_ < patience) continue;
    }
    if (!knows_utc(*session) || lets_active_go_first(input, *session)) continue;
    if (running_ && !running_->closed && flush_reference()) return true;
    begin_stretch(input, *session);
    return true;
  }
  return false;
}

// The input's oldest session that has content which needs a new stretch.
Session* Merger::Impl::candidate(Input& input) {
  for (Session& session : input.sessions) {
    const TrackFeed* reference = session.reference_feed();
    if (reference == nullptr) continue;
    if (running_ && !running_->closed) {
      if (joined(session)) {
        const TrackFeed& feed = *session.find(running_->ref().key);
        const bool is_outage = !feed.units.empty() && feed.next() > running_->ref().edge;
        if (is_outage) return &session;
        continue;
      }
      if (approaching(session) || ahead(session)) return nullptr;
    }
    if (!reference->units.empty()) return &session;
    if (!session.over) return nullptr;
  }
  return nullptr;
}

// Drops what the input holds up to the content that the timeline showed last, wherever its times have it.
// True: what is left is new. Pictures that come again and again, as of a slate, tell nothing.
bool Merger::Impl::drop_shown_content(Input& input, Session& session, TrackFeed& feed) const {
  if (!running_ || running_->last_digest == 0) return false;
  const std::uint64_t last = running_->last_digest;
  if (session.shown_digest == last) return true;
  const auto& recent = running_->recent;
  const auto is_last = [&](const Arrived& arrived) { return arrived.unit.digest == last; };
  if (std::count_if(recent.begin(), recent.end(),
                    [&](const RecentSlot& slot) { return slot.digest == last; }) != 1 ||
      std::count_if(feed.units.begin(), feed.units.end(), is_last) != 1) {
    return false;
  }
  const auto last_held = std::find_if(feed.units.begin(), feed.units.end(), is_last);
  // An encoder that begins its file anew sends again what it has sent; what is live comes with the other's.
  const bool is_its_own = !recent.empty() && recent.back().input == input.id;
  const bool is_anew = !running_->last_at || last_held->at - *running_->last_at > pace();
  if (session.breaks && (is_its_own || is_anew)) return false;
  const auto end = std::next(last_held);
  input.status.discarded += static_cast<std::uint64_t>(end - feed.units.begin());
  feed.units.erase(feed.units.begin(), end);
  session.shown_digest = last;
  return true;
}

// Drops what cannot be the first unit of a stretch: units without a sync sample, and what was shown
// before from the other input. True: something is left to begin with.
bool Merger::Impl::prepare(Input& input, Session& session) {
  TrackFeed& feed = *session.reference_feed();
  const auto is_shown = [&](const Arrived& arrived) {
    if (!running_) return false;
    const Unit& unit = arrived.unit;
    const std::int64_t edge = running_->slot_edge;
    const std::int64_t moved = session.misplaced ? session.misplaced_by : 0;
    const bool is_placed = session.misplaced || session.met == running_->stretch.id;
    if (is_placed && unit.start + feed.shift - moved < edge - unit.duration / 8) return true;
    if (!running_->last_at) return false;
    if (arrived.at + margin() < *running_->last_at) return true;
    if (session.breaks || running_->closed || !compatible(session)) return false;
    // The other encoder's times are off: the first GOP that is new for the most part.
    const bool is_near = to_microseconds(edge - unit.start, feed.timescale()) < pace() * 3 / 2;
    return is_near && unit.start + unit.duration / 2 < edge;
  };
  if (running_ && compatible(session) && !joined(session) && crosses(feed)) session.is_askew = true;
  const bool is_known = drop_shown_content(input, session, feed);
  while (!feed.units.empty()) {
    const Arrived& first = feed.units.front();
    const bool is_start = first.unit.sync || !feed.is_video();
    if (is_start && (is_known || !is_shown(first))) return true;
    ++input.status.discarded;
    feed.units.pop_front();
  }
  return false;
}

// After a discontinuity of both inputs the active one keeps its place if it is not much slower.
bool Merger::Impl::lets_active_go_first(const Input& input, const Session& session) {
  if (!active_ || *active_ == input.id) return false;
  const Input& active = inputs_[*active_];
  if (active.ended || active.sessions.empty() || joined(active.sessions.back())) return false;
  const Session& its = active.sessions.back();
  if (!its.breaks || its.over) return false;
  const Monotonic patience =
      std::max(session.tracks[session.reference].units.front().at, its.opened) + margin();
  wake_at(patience);
  return now_ < patience;
}

std::string Merger::Impl::stretch_reason(Input& input, Session& session) {
  if (!running_) return "first content";
  if (running_->closed) return "content after the end";
  const TrackFeed& feed = *session.reference_feed();
  const Arrived& first = feed.units.front();
  const Microseconds length = to_microseconds(first.unit.duration, feed.timescale());
  if (session.misplaced) return name_of(input.id) + " is not aligned";
  if (!compatible(session)) return "tracks changed";
  if (joined(session)) return outage(to_microseconds(feed.next() - running_->slot_edge, feed.timescale()));
  if (!session.breaks && first.unit.start - running_->slot_edge > 0) {
    const Microseconds gap = to_microseconds(first.unit.start - running_->slot_edge, feed.timescale());
    if (gap > pace() * 3) return outage(gap);
  }
  const Microseconds silence =
      running_->last_at ? first.at - length - *running_->last_at : first.at_utc - length - running_->end_utc;
  if (silence > pace() * 3) return outage(silence);
  if (session.breaks) return session.break_reason;
  return name_of(input.id) + " is not aligned";
}

bool Merger::Impl::is_credible(Utc program_end, Utc arrival) {
  const Microseconds off = program_end - arrival;
  return off <= std::chrono::seconds{30} && off >= -std::chrono::seconds{30};
}

// S13: what the playlist says of the first held unit, if it is credible.
std::optional<Utc> Merger::Impl::program_utc(const Session& session) {
  const TrackFeed& feed = session.tracks[session.reference];
  const auto program = session.utc_of(to_microseconds(feed.units.front().unit.start, feed.timescale()));
  if (!program) return std::nullopt;
  const Burst came = burst_of(feed);
  return is_credible(*program + came.length, came.arrival) ? program : std::nullopt;
}

// Without a date in the playlist the arrival of the whole segment dates its start: its other GOPs
// may still be on their way through the same call. They are waited for until its end is told, or
// something comes later than with the first GOP.
bool Merger::Impl::knows_utc(const Session& session) {
  const TrackFeed& feed = session.tracks[session.reference];
  if (feed.segment_over || session.over || program_utc(session)) return true;
  const Monotonic first = feed.units.front().at;
  for (const TrackFeed& track : session.tracks) {
    if (!track.units.empty() && track.units.back().at - first > burst) return true;
  }
  wake_at(first + margin());
  return now_ >= first + margin();
}

// S13: the date of the playlist, else arrival - duration; a segment's GOPs arrive together.
Utc Merger::Impl::start_utc(const Session& session) const {
  const Burst came = burst_of(session.tracks[session.reference]);
  const Utc start = program_utc(session).value_or(came.arrival - came.length);
  // Never backwards: what was before ended then.
  return running_ ? std::max(start, running_->end_utc) : start;
}

// S13: what a segment of the input in use says of its end, whose arrival is `now_utc`.
void Merger::Impl::observe_utc(Input& input, const Session& session, Utc now_utc) {
  const TrackFeed& feed = session.tracks[session.reference];
  if (!running_ || running_->closed || active_ != input.id || !joined(session)) return;
  if (session.segment_from > session.segment_to || feed.description.key != running_->ref().key) return;
  const Microseconds length = to_microseconds(session.segment_to - session.segment_from, feed.timescale());
  UtcWatch::Segment seen{session.segment_to + feed.shift, length, {}, now_utc, false};
  Utc end = now_utc;
  if (const auto dated = session.utc_of(to_microseconds(session.segment_from, feed.timescale()))) {
    const Utc its_end = *dated + length;
    input.status.pdt_rejected = !is_credible(its_end, now_utc);
    seen.is_dated = !input.status.pdt_rejected;
    // Dates that go on as they did are right: it is the server's clock that was set.
    if (!seen.is_dated && is_credible(its_end, running_->utc_of(seen.end))) return;
    if (seen.is_dated) end = its_end;
  }
  seen.behind = end - running_->utc_of(seen.end);
  utc_watch_.observe(seen, pace(input));
}

void Merger::Impl::begin_stretch(Input& input, Session& session) {
  const std::string reason = stretch_reason(input, session);
  switch_to(input.id, reason);
  const TrackFeed& feed = *session.reference_feed();
  const Microseconds first = to_microseconds(feed.units.front().unit.start, feed.timescale());
  input.status.pdt_rejected = session.utc_of(first).has_value() && !program_utc(session);
  Running next;
  next.stretch.start = start_utc(session);
  next.stretch.start_time = next.slot_edge = feed.units.front().unit.start;
  next.end_utc = next.base_utc = next.stretch.start;
  next.base_time = next.grown_to = next.stretch.start_time;
  next.begun = now_;
  running_ = std::move(next);
  utc_watch_.reset();
  running_->stretch.id = next_stretch_++;
  running_->stretch.first_slot = next_slot_;
  add_tracks(input, session);
  // What was aligned before is as far from the new stretch as that was from it.
  const std::int64_t offset = session.misplaced ? session.misplaced_by : 0;
  const std::uint32_t before = session.met;
  for (Input& other : inputs_) {
    other.copies.clear();
    for (Session& its : other.sessions) {
      const bool is_aside = offset != 0 && &other != &input && before != 0 && its.met == before;
      its.misplaced = false;
      if (is_aside) leave(other, its, -offset);
      its.offset_copies = its.shifted_copies = 0;
    }
  }
  join(input, session);
  decisions_.emplace_back(StretchStarted{running_->stretch, reason});
}

// Ids for the session's tracks, and where each of them begins.
void Merger::Impl::add_tracks(Input& input, Session& session) {
  Stretch& stretch = running_->stretch;
  for (TrackFeed& feed : session.tracks) {
    Track track;
    track.id = id_of(feed.description.key);
    track.description = feed.description;
    stretch.tracks.push_back(std::move(track));
    feed.shift = 0;
    feed.shift_known = true;
  }
  std::sort(stretch.tracks.begin(), stretch.tracks.end(),
            [](const Track& a, const Track& b) { return a.id < b.id; });
  const std::string& reference = session.tracks[session.reference].description.key;
  stretch.reference = id_of(reference);
  for (const Track& track : stretch.tracks) {
    TrackState& state = running_->tracks.emplace_back(state_of(track, stretch.start_in(track.id)));
    state.lead = lead_of(*session.find(track.description.key));
    if (track.id == stretch.reference) running_->reference = running_->tracks.size() - 1;
  }
  for (TrackState& state : running_->tracks) {
    TrackFeed& feed = *session.find(state.key);
    state.edge -= running_->earlier_than_reference(state);
    const auto is_before = [&](const Unit& unit) {
      if (state.kind != codecs::Kind::video) return unit.start + unit.duration / 2 < state.edge;
      return unit.start < state.edge - tolerance(state, unit, false) || !unit.sync;
    };
    if (state.id != stretch.reference) {
      while (!feed.units.empty() && is_before(feed.units.front().unit)) {
        feed.units.pop_front();
        ++input.status.discarded;
      }
      // No hole lies between the start and a track that simply begins later.
      if (feed.units.empty()) continue;
      const std::int64_t first = feed.units.front().unit.start;
      state.edge = state.kind == codecs::Kind::video ? first : std::max(state.edge, first);
    }
  }
}

}  // namespace tarn::timeline
