// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/timeline/merger_impl.h"

// Makes the slots: what comes next of the reference track, from whom, and what to do when nobody has it.
namespace tarn::timeline {
namespace {

constexpr std::size_t remembered_slots = 256;

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value >= 0 ? value / by : -((-value + by - 1) / by);
}

}  // namespace

// True: a slot is open, a stretch has begun, or the edge has moved.
bool Merger::Impl::next_slot() {
  if (running_->closed) return begin_next_stretch();
  TrackState& ref = running_->ref();
  const bool video = ref.kind == codecs::Kind::video;
  const Microseconds media_end = next_end();
  const Choice choice = select(ref, media_end, std::nullopt);
  if (choice.wait) return false;
  if (!choice.input) return bridge();
  if (video) {
    take_gop(*choice.input, available_at(*choice.input, media_end));
  } else {
    take_frame(*choice.input);
  }
  return true;
}

// Where the slot that comes next probably ends.
Microseconds Merger::Impl::next_end() const {
  const TrackState& ref = running_->ref();
  const bool video = ref.kind == codecs::Kind::video;
  const std::int64_t end = video ? running_->slot_edge + running_->nominal : grid_end(running_->slot_edge);
  return to_microseconds(end, ref.timescale);
}

// When what `input` gives next could be used: when it came, or when the active input was given up.
Monotonic Merger::Impl::available_at(InputId id, Microseconds media_end) {
  Session& session = *joined_session(id);
  const TrackFeed& feed = *session.find(running_->ref().key);
  Monotonic at = feed.units[group_size(session, feed) - 1].at;
  if (active_ && *active_ != id) {
    const Session* active = joined_session(*active_);
    const bool was_awaited = active != nullptr && !active->over && !inputs_[*active_].ended;
    const auto expected = was_awaited ? this->expected(*active, media_end) : std::nullopt;
    at = std::max(at, expected ? std::min(*expected + margin(), now_) : now_);
  }
  return at;
}

// For InputSwitched: what is wrong with the active input. REQUIRES: active_
std::string Merger::Impl::why_not_active(TrackState& track) {
  const Input& input = inputs_[*active_];
  const Session* session = joined_session(*active_);
  const std::string name = name_of(*active_);
  if (input.ended) return name + " ended";
  if (session == nullptr) return name + " does not fit the timeline";
  if (session->over) return input.sessions.back().break_reason;
  if (!session->find(track.key)->units.empty()) return "content missing in " + name;
  if (session->is_silent(*session->find(track.key), session->newest_end(), pace() * 3 / 2, now_))
    return name + " has stopped sending " + track.key;
  const auto expected = this->expected(*session, next_end());
  if (expected && now_ < *expected + margin()) return name + " has fallen behind";
  return name + " is late";
}

void Merger::Impl::take_gop(InputId id, Monotonic available) {
  TrackState& ref = running_->ref();
  if (active_ && *active_ != id) {
    switch_to(id, why_not_active(ref));
  } else {
    active_ = id;
  }
  Session& session = *joined_session(id);
  const TrackFeed& feed = *session.find(ref.key);
  const std::size_t count = group_size(session, feed);
  running_->last_at = feed.units[count - 1].at;
  running_->last_digest = count == 1 ? feed.units.front().unit.digest : 0;
  for (std::size_t i = 0; i < count; ++i) take(ref, inputs_[id], session);
  open_slot(running_->slot_edge, ref.edge, available, false);
  emit_part(ref);
}

// Audio-only: one more frame of the slot that ends nearest to the next multiple of T.
void Merger::Impl::take_frame(InputId id) {
  TrackState& ref = running_->ref();
  const Session* active = active_ ? joined_session(*active_) : nullptr;
  // A single lost frame is taken from the other input without preferring it from then on.
  const bool goes_on = active != nullptr && !active->find(ref.key)->units.empty();
  if (!active_) {
    active_ = id;
  } else if (*active_ != id && !goes_on) {
    switch_to(id, why_not_active(ref));
  }
  Session& session = *joined_session(id);
  const Arrived& frame = session.find(ref.key)->units.front();
  const std::int64_t duration = frame.unit.duration;
  running_->last_at = frame.at;
  take(ref, inputs_[id], session);
  if (2 * ref.edge + duration >= 2 * grid_end(running_->slot_edge)) flush_reference();
}

// The multiple of T that an audio-only slot which begins at `start` ends at (S2), in ticks.
std::int64_t Merger::Impl::grid_end(std::int64_t start) const {
  const std::uint32_t timescale = running_->ref().timescale;
  const std::int64_t half = (to_microseconds(start, timescale) + target() / 2).count();
  const std::int64_t next = floor_divide(half, target().count()) + 1;
  return rescale(next * target().count(), 1'000'000, timescale);
}

// Audio-only: the slot ends where its frames end. False: it has none.
bool Merger::Impl::flush_reference() {
  TrackState& ref = running_->ref();
  if (ref.payloads.empty()) return false;
  open_slot(running_->slot_edge, ref.edge, running_->last_at.value_or(now_), false);
  emit_part(ref);
  return true;
}

// Nobody has, and nobody will have in time, what comes next.
bool Merger::Impl::bridge() {
  TrackState& ref = running_->ref();
  struct {
    InputId input = 0;
    Session* session = nullptr;
    std::int64_t position = 0;
  } next;
  const auto offer = [&](InputId input, Session& session, std::int64_t position) {
    if (next.session == nullptr || position < next.position) next = {input, &session, position};
  };
  for (const InputId id : preference()) {
    if (Session* session = joined_session(id); session != nullptr) {
      const TrackFeed& feed = *session->find(ref.key);
      if (!feed.units.empty() && feed.next() > ref.edge) offer(id, *session, feed.next());
      continue;
    }
    for (Session& session : inputs_[id].sessions) {
      if (const auto position = ahead(session)) offer(id, session, *position);
    }
  }
  const bool is_hole = next.session != nullptr &&
                       to_microseconds(next.position - running_->slot_edge, ref.timescale) <= pace() * 3;
  if (!is_hole) return begin_next_stretch();
  if (flush_reference()) return true;
  return make_hole(next.input, *next.session, next.position);
}

// S4: up to `position` nobody has content. The next of the slots that stay empty; a hole of less than
// half a slot belongs to the slot that follows.
bool Merger::Impl::make_hole(InputId input, Session& session, std::int64_t position) {
  TrackState& ref = running_->ref();
  if (!joined(session)) join(inputs_[input], session);
  const std::int64_t gap = position - running_->slot_edge;
  const std::int64_t shortest = rescale(target().count() / 16, 1'000'000, ref.timescale);
  const bool video = ref.kind == codecs::Kind::video;
  const std::int64_t whole = rescale(target().count(), 1'000'000, ref.timescale);
  std::int64_t slot = whole;
  if (video) {
    const auto& units = session.find(ref.key)->units;
    const std::int64_t following = units.empty() ? whole : units.back().unit.duration;
    slot = std::max({running_->nominal > 0 ? running_->nominal : following, shortest, std::int64_t{1}});
  }
  ref.broken = true;
  if (gap * 2 <= slot) {
    add_hole(ref, ref.edge, position);
    ref.edge = position;
    return true;
  }
  std::int64_t end = running_->slot_edge + gap / std::max<std::int64_t>((gap + slot / 2) / slot, 1);
  if (!video) end = std::min(position, grid_end(running_->slot_edge));
  add_hole(ref, ref.edge, end);
  ref.edge = end;
  open_slot(running_->slot_edge, end, now_, true);
  return true;
}

void Merger::Impl::open_slot(std::int64_t start, std::int64_t end, Monotonic available, bool hole) {
  const Monotonic since = std::max(available, running_->begun);
  slot_ = OpenSlot{next_slot_++, start, end, since, since + target(), hole};
  running_->slot_edge = end;
  ++running_->slots;
  if (const auto grown = to_microseconds(end - running_->grown_to, running_->ref().timescale);
      grown >= target()) {
    running_->growth = grown;
    running_->grown_to = end;
    running_->grown_at = now_;
  }
  if (!hole) running_->nominal = end - start;
  auto& recent = running_->recent;
  recent.push_back({start, hole ? now_ : running_->last_at.value_or(now_), now_, active_.value_or(0), hole,
                    hole ? 0 : running_->last_digest});
  look_for_copies(recent.back().input, start, recent.back().digest);
  while (recent.size() > remembered_slots || now_ - recent.front().decided > pace() * 5) recent.pop_front();
  for (TrackState& track : running_->tracks) {
    track.done = track.has_part = false;
    note_slot(track, since);
  }
  running_->ref().done = true;
  match_all();
}

}  // namespace tarn::timeline
