// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/merger.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "core/timeline/merger_impl.h"

namespace tarn::timeline {
namespace {

constexpr std::uint32_t highest_timescale = 10'000'000;
constexpr std::int64_t highest_seconds = std::int64_t{1} << 33;  // keeps every rescaled time in 64 bits
constexpr std::int64_t longest_unit_seconds = 3600;
// A segment that seems longer is damaged and says nothing about the others.
constexpr Microseconds longest_segment{30'000'000};

bool is_possible(const Unit& unit, std::uint32_t timescale) {
  const std::int64_t limit = highest_seconds * timescale;
  return unit.start > -limit && unit.start < limit && unit.duration > 0 &&
         unit.duration <= longest_unit_seconds * timescale;
}

// The tracks the merger can work with: no key twice, no impossible timescale.
std::vector<TrackDescription> usable(std::vector<TrackDescription> tracks) {
  std::set<std::string> keys;
  std::erase_if(tracks, [&](const TrackDescription& track) {
    return track.info.timescale == 0 || track.info.timescale > highest_timescale ||
           !keys.insert(track.key).second;
  });
  if (tracks.size() > tracks_per_input) tracks.resize(tracks_per_input);
  return tracks;
}

std::vector<TrackDescription> descriptions_of(const Session& session) {
  std::vector<TrackDescription> descriptions;
  for (const TrackFeed& feed : session.tracks) descriptions.push_back(feed.description);
  return descriptions;
}

bool same_tracks(const std::vector<TrackFeed>& have, const std::vector<TrackDescription>& tracks) {
  return have.size() == tracks.size() && std::all_of(have.begin(), have.end(), [&](const TrackFeed& feed) {
           return std::any_of(tracks.begin(), tracks.end(), [&](const TrackDescription& track) {
             return same_media(feed.description, track);
           });
         });
}

}  // namespace

Merger::Impl::Impl(MergerSettings settings, Resume resume)
    : settings_{settings}, next_slot_{resume.next_slot}, next_stretch_{resume.next_stretch} {
  settings_.target_duration =
      std::clamp(settings_.target_duration, Microseconds{100'000}, Microseconds{3'600'000'000});
  for (InputId id = 0; id < input_count; ++id) inputs_[id].id = id;
  resume_stretch(std::move(resume));
}

Microseconds Merger::Impl::margin() const {
  return std::max<Microseconds>(Microseconds{500'000}, target() * 3 / 10);
}

void Merger::Impl::wake_at(Monotonic when) {
  if (when > now_ && (!wake_ || when < *wake_)) wake_ = when;
}

void Merger::Impl::break_session(Input& input, std::vector<TrackDescription> tracks, std::string reason) {
  bool breaks = !input.sessions.empty();
  if (breaks && !input.sessions.back().first_at) {
    // Nothing came since the last break: it is the same one.
    breaks = input.sessions.back().breaks;
    if (breaks) reason = std::move(input.sessions.back().break_reason);
    input.sessions.pop_back();
  }
  if (!input.sessions.empty()) input.sessions.back().over = true;
  input.status.open_segments = false;
  Session& fresh = input.sessions.emplace_back(next_session_++, std::move(tracks));
  fresh.breaks = breaks;
  fresh.break_reason = std::move(reason);
  fresh.opened = now_;
  if (input.sessions.size() <= held_sessions) return;
  auto oldest = input.sessions.begin();
  if (joined(*oldest)) ++oldest;
  for (const TrackFeed& feed : oldest->tracks) input.status.discarded += feed.units.size();
  input.sessions.erase(oldest);
}

void Merger::Impl::set_tracks(InputId id, std::vector<TrackDescription> tracks) {
  Input& input = input_of(id);
  tracks = usable(std::move(tracks));
  if (input.sessions.empty() || !same_tracks(input.sessions.back().tracks, tracks)) {
    break_session(input, std::move(tracks), "tracks changed");
    process();
    return;
  }
  // Bandwidths may differ: they count from the next stretch on.
  for (TrackDescription& track : tracks)
    input.sessions.back().find(track.key)->description = std::move(track);
}

void Merger::Impl::set_program_date_time(InputId id, const std::string& key, std::int64_t time, Utc utc) {
  Input& input = input_of(id);
  if (input.sessions.empty()) return;
  Session& session = input.sessions.back();
  const TrackFeed* feed = session.find(key);
  if (feed == nullptr || !is_possible({time, 1, true, nullptr}, feed->timescale())) return;
  session.marks.push_back({to_microseconds(time, feed->timescale()), utc});
  if (session.marks.size() > held_time_marks) session.marks.pop_front();
}

// For longer than a repeated segment may last, the input sends what is older than the timeline
// remembers: a restart that nobody announced.
bool Merger::Impl::jumped_back(Session& session, const TrackFeed& feed, const Unit& unit) const {
  if (!joined(session) || running_->ref().key != feed.description.key) return false;
  if (is_missing(running_->ref(), unit.start + feed.shift + unit.duration / 2)) return false;
  const std::int64_t end = unit.start + feed.shift + unit.duration;
  if (running_->recent.empty() || end > running_->recent.front().start) {
    session.old_from.reset();
    return false;
  }
  if (!session.old_from || *session.old_from > unit.start) session.old_from = unit.start;
  const std::int64_t run = unit.start + unit.duration - *session.old_from;
  return to_microseconds(run, feed.timescale()) > pace() * 3 / 2;
}

void Merger::Impl::hold(Input& input, Session& session, TrackFeed& feed, Arrived arrived) {
  if (!session.first_at) session.first_at = now_;
  if (!first_unit_at_) first_unit_at_ = now_;
  const Unit& unit = arrived.unit;
  const Arrived copy{
      {unit.start, unit.duration, unit.sync, nullptr, unit.digest}, arrived.at, arrived.at_utc};
  if (running_ && unit.sync && feed.is_video()) {
    for (TrackState& track : running_->tracks) {
      if (track.key == feed.description.key && !track.lead) track.lead = unit.lead;
    }
  }
  if (!feed.insert(std::move(arrived))) {
    ++input.status.duplicates;
    return;
  }
  TrackFeed* reference = session.reference_feed();
  // What is late says nothing about when the next content is to be expected.
  if (reference == &feed && copy.unit.start + copy.unit.duration == *feed.seen_end) {
    const Microseconds end = to_microseconds(copy.unit.start + copy.unit.duration, feed.timescale());
    // Its times have jumped, or it has caught up: that is no sign that the other one has fallen behind.
    if (joined(session) && session.history.is_early(end, now_, margin())) forget_lags();
    session.history.add(end, now_, pace() * 3);
    session.segment_from = std::min(session.segment_from, copy.unit.start);
    session.segment_to = std::max(session.segment_to, copy.unit.start + copy.unit.duration);
  }
  while (feed.is_over(pace() * 10)) {
    feed.units.pop_front();
    ++input.status.discarded;
  }
  if (running_ && running_->ref().key == feed.description.key) {
    const bool was_misplaced = session.misplaced;
    if (was_misplaced) look_again(input, session);
    if (was_misplaced && !session.misplaced) {
      match_all();
    } else {
      match(input, session, copy);
    }
  }
  if (!joined(session)) return;
  for (TrackState& track : running_->tracks) {
    if (track.key == feed.description.key)
      note_reached(track, copy.unit.start + copy.unit.duration + feed.shift, now_);
  }
  trim_added(input, session, feed);
  if (!feed.is_video() || running_->ref().key != feed.description.key) return;
  const std::int64_t position = copy.unit.start + feed.shift;
  if (position > running_->slot_edge + running_->nominal / 2) look_for_shown(input, copy, position);
}

void Merger::Impl::add(InputId id, const std::string& key, Unit unit, Utc now_utc) {
  Input& input = input_of(id);
  ++input.status.units;
  input.status.last_arrival = now_;
  if (input.ended) {
    input.ended = false;
    if (!input.sessions.empty()) {
      break_session(input, descriptions_of(input.sessions.back()), "content after the end of " + name_of(id));
    }
  }
  Session* session = input.sessions.empty() ? nullptr : &input.sessions.back();
  TrackFeed* feed = session == nullptr ? nullptr : session->find(key);
  if (feed == nullptr || !is_possible(unit, feed->timescale())) {
    ++input.status.discarded;
    return;
  }
  if (jumped_back(*session, *feed, unit)) {
    discontinuity(id);
    session = &input.sessions.back();
    feed = session->find(key);
  }
  if (!unit.sync && feed->is_video()) input.status.open_segments = true;
  hold(input, *session, *feed, {std::move(unit), now_, now_utc});
  process();
}

void Merger::Impl::segment_end(InputId id, const std::vector<std::string>& keys, Utc now_utc) {
  Input& input = input_of(id);
  if (input.sessions.empty()) return;
  Session& session = input.sessions.back();
  for (const std::string& key : keys) {
    TrackFeed* feed = session.find(key);
    if (feed == nullptr) continue;
    feed->segment_over = true;
    if (feed != session.reference_feed()) continue;
    observe_utc(input, session, now_utc);
    measure_segment(input, session);
  }
  process();
}

void Merger::Impl::measure_segment(Input& input, Session& session) const {
  const TrackFeed& feed = *session.reference_feed();
  if (session.segment_from > session.segment_to) return;
  const Microseconds length = to_microseconds(session.segment_to - session.segment_from, feed.timescale());
  session.segment_from = std::numeric_limits<std::int64_t>::max();
  session.segment_to = std::numeric_limits<std::int64_t>::min();
  if (length > longest_segment) return;
  session.add_segment_length(length);
  input.segment_length = session.longest_segment;
}

Microseconds Merger::Impl::pace(const Input& input) const { return std::max(target(), input.segment_length); }

Microseconds Merger::Impl::pace() const { return std::max(pace(inputs_[0]), pace(inputs_[1])); }

void Merger::Impl::discontinuity(InputId id) {
  Input& input = input_of(id);
  if (input.sessions.empty()) return;
  break_session(input, descriptions_of(input.sessions.back()), "discontinuity in " + name_of(id));
  process();
}

void Merger::Impl::end_of_stream(InputId id) {
  Input& input = input_of(id);
  input.ended = true;
  if (!input.sessions.empty()) input.sessions.back().over = true;
  process();
}

void Merger::Impl::process() {
  do {
    for (;;) {
      wake_.reset();
      if (!running_) {
        if (!begin_next_stretch()) break;
        continue;
      }
      if (!slot_ && !next_slot()) break;
      if (!slot_) continue;
      if (!fill_slot()) break;
      list_slot();
    }
  } while (end_if_over());
}

// S19. True: the last, short slot of an audio-only stretch was opened and wants to be listed.
bool Merger::Impl::end_if_over() {
  // A wake-up was set: something is still waited for.
  if (!running_ || running_->closed || slot_ || wake_) return false;
  bool any_ended = false;
  for (const Input& input : inputs_) {
    any_ended = any_ended || input.ended;
    if (input.ended || input.status.units == 0) continue;
    const Monotonic silent = input.status.last_arrival + pace(input) * 3;
    if (now_ >= silent) continue;
    const bool other_ended =
        std::any_of(inputs_.begin(), inputs_.end(), [](const Input& i) { return i.ended; });
    if (other_ended) wake_at(silent);
    return false;
  }
  if (!any_ended) return false;
  if (flush_reference()) return true;
  running_->closed = true;
  for (Input& input : inputs_) {
    for (Session& session : input.sessions) {
      session.stretch = 0;
      for (TrackFeed& feed : session.tracks) feed.units.clear();
    }
  }
  decisions_.emplace_back(StreamEnded{});
  return false;
}

InputStatus Merger::Impl::status(InputId id, Monotonic now) const {
  const Input& input = inputs_[id];
  InputStatus status = input.status;
  if (status.units == 0) return status;
  const Session* last = input.sessions.empty() ? nullptr : &input.sessions.back();
  if (last != nullptr && running_ && !running_->closed) {
    const bool is_elsewhere =
        joined(*last) ? active_ != id && is_far_ahead(*last) : !approaching(*last) && !ahead(*last);
    status.misaligned = last->first_at && is_elsewhere;
    if (status.misaligned) status.misalignment = misalignment(*last);
  }
  // Beside whom? A flag that was set then would stay.
  const Input& other = inputs_[1 - id];
  const bool is_silent = now - other.status.last_arrival > pace(other) * 3 / 2;
  const bool is_compared =
      !other.ended && !is_silent &&
      std::any_of(other.sessions.begin(), other.sessions.end(), [&](const Session& s) { return joined(s); });
  if (!is_compared) {
    status.misaligned = status.lagging = status.different_content = status.different_gops = false;
    status.misalignment.clear();
  }
  const bool is_silent_itself = input.ended || now - status.last_arrival > pace(input) * 3 / 2;
  if (!is_compared || is_silent_itself) status.drift.reset();
  if (last != nullptr && !input.ended) {
    const auto newest = last->newest_end();
    for (const TrackFeed& feed : last->tracks) {
      if (last->is_silent(feed, newest, pace(input) * 3 / 2, now))
        status.silent_tracks.push_back(feed.description.key);
    }
  }
  if (input.ended) {
    status.state = InputState::ended;
  } else if (now - status.last_arrival > pace(input) * 3 / 2) {
    status.state = InputState::stalled;
  } else {
    status.state = last != nullptr && is_late(*last, now) ? InputState::late : InputState::live;
  }
  return status;
}

// It is joined, and what it sends is for a time that the timeline will not reach for long: its times have
// jumped.
bool Merger::Impl::is_far_ahead(const Session& session) const {
  const TrackFeed& feed = *session.find(running_->ref().key);
  const std::int64_t lead = feed.seen_end ? *feed.seen_end + feed.shift - running_->slot_edge : 0;
  return to_microseconds(lead, feed.timescale()) > pace() * 5;
}

// What should have followed what came is not there.
bool Merger::Impl::is_late(const Session& session, Monotonic now) const {
  if (!running_ || session.reference >= session.tracks.size()) return false;
  const TrackFeed& feed = session.tracks[session.reference];
  if (!feed.seen_end) return false;
  const Microseconds next_end = to_microseconds(*feed.seen_end, feed.timescale()) +
                                to_microseconds(running_->nominal, running_->ref().timescale);
  const auto expected = session.expected(next_end);
  return expected && now > *expected + margin();
}

Merger::Merger(MergerSettings settings, Resume resume)
    : impl_{std::make_unique<Impl>(settings, std::move(resume))} {}
Merger::~Merger() = default;
Merger::Merger(Merger&&) noexcept = default;
Merger& Merger::operator=(Merger&&) noexcept = default;

void Merger::set_tracks(InputId input, std::vector<TrackDescription> tracks) {
  if (input < input_count) impl_->set_tracks(input, std::move(tracks));
}

void Merger::set_program_date_time(InputId input, const std::string& track_key, std::int64_t time, Utc utc) {
  if (input < input_count) impl_->set_program_date_time(input, track_key, time, utc);
}

void Merger::add(InputId input, const std::string& track_key, Unit unit, Monotonic now, Utc now_utc) {
  impl_->arrive(now);
  if (input < input_count) impl_->add(input, track_key, std::move(unit), now_utc);
}

void Merger::segment_end(InputId input, const std::vector<std::string>& track_keys, Monotonic now,
                         Utc now_utc) {
  impl_->arrive(now);
  if (input < input_count) impl_->segment_end(input, track_keys, now_utc);
}

void Merger::discontinuity(InputId input, Monotonic now) {
  impl_->arrive(now);
  if (input < input_count) impl_->discontinuity(input);
}

void Merger::end_of_stream(InputId input, Monotonic now, Utc) {
  impl_->arrive(now);
  if (input < input_count) impl_->end_of_stream(input);
}

void Merger::set_target_duration(Microseconds target_duration) {
  impl_->settings_.target_duration = target_duration;
}

void Merger::advance(Monotonic now, Utc) {
  impl_->arrive(now);
  impl_->process();
}

std::optional<Monotonic> Merger::deadline() const { return impl_->wake_; }

std::vector<Decision> Merger::take() { return std::exchange(impl_->decisions_, {}); }

std::optional<InputId> Merger::active() const { return impl_->active_; }

InputStatus Merger::status(InputId input) const { return status(input, impl_->now_); }

InputStatus Merger::status(InputId input, Monotonic now) const {
  return input < input_count ? impl_->status(input, std::max(now, impl_->now_)) : InputStatus{};
}

std::optional<std::int64_t> Merger::edge_90k() const {
  if (!impl_->running_) return std::nullopt;
  return rescale(impl_->running_->slot_edge, impl_->running_->ref().timescale, 90'000);
}

}  // namespace tarn::timeline
