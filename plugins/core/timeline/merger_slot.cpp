// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/timeline/merger_impl.h"

// Fills the open slot with the parts of the other tracks, and lists it.
namespace tarn::timeline {
namespace {

constexpr std::size_t remembered_holes = 64;

}  // namespace

// By how much audio may end before its slot: half of it, at most 0.5 s. Ticks of the track.
std::int64_t Merger::Impl::slack(const TrackState& track) const {
  if (track.kind == codecs::Kind::video) return 0;
  const std::int64_t half =
      rescale((slot_->end - slot_->start) / 2, running_->ref().timescale, track.timescale);
  return std::min(half, rescale(1, 2, track.timescale));
}

std::int64_t Running::earlier_than_reference(const TrackState& track) const {
  if (!track.lead || !ref().lead) return 0;
  const std::int64_t earlier = *track.lead - rescale(*ref().lead, ref().timescale, track.timescale);
  const bool is_possible = std::abs(earlier) <= std::int64_t{track.timescale};
  return is_possible ? earlier : 0;
}

// Where the open slot ends for the track's decode times.
std::int64_t Merger::Impl::slot_end_in(const TrackState& track) const {
  const std::int64_t end = rescale(slot_->end, running_->ref().timescale, track.timescale);
  return end - running_->earlier_than_reference(track);
}

// S35: the unit does not follow what it followed in its input. What comes after a hole in the same input is
// as it was sent: the hole may be filled yet (S4). A restarted merger does not know what lies before its
// first unit: nearly always what its input sent before. Nor is the beginning of the programme a switch.
bool Merger::Impl::is_detached(const TrackState& track, const Input& input, const Session& session,
                               const Arrived& arrived) const {
  if (track.kind != codecs::Kind::video) return false;
  if (arrived.before != 0 && arrived.before == track.last_digest) return false;
  if (track.last_start == std::numeric_limits<std::int64_t>::min() && track.broken)
    return running_->stretch.id > 1;
  return track.last_digest != 0 && !is_source(track, input, session);
}

// The first held unit goes to the part of the slot.
void Merger::Impl::take(TrackState& track, Input& input, Session& session) {
  TrackFeed& feed = *session.find(track.key);
  Arrived arrived = std::move(feed.units.front());
  feed.units.pop_front();
  std::int64_t position = arrived.unit.start + feed.shift;
  if (!track.broken && !feed.shift_known) {
    feed.shift = track.edge - arrived.unit.start;
    feed.shift_known = true;
    position = track.edge;
  } else if (!track.broken && track.kind == codecs::Kind::audio && position >= track.edge - 1 &&
             position <= track.edge + 1) {
    position = track.edge;  // S2: positions are snapped to the predecessor's end
  }
  if (track.payloads.empty()) {
    track.part_start = position;
    track.part_independent = arrived.unit.sync;
    track.part_input = input.id;
  }
  if (is_detached(track, input, session, arrived))
    track.detached.push_back({track.payloads.size(), input.id});
  track.last_digest = arrived.unit.digest;
  track.last_start = position;
  const bool video = track.kind == codecs::Kind::video;
  const bool is_slot = video && &track == &running_->ref();
  if (arrived.unit.digest != 0 && !is_slot) {
    track.used.push_back({position, input.id, arrived.unit.digest});
    if (track.used.size() > (video ? remembered_gops : remembered_frames)) track.used.pop_front();
    if (&track == &running_->ref()) look_for_copies(input.id, position, arrived.unit.digest);
  }
  track.payloads.push_back(std::move(arrived.unit.payload));
  track.edge = std::max(track.edge, position + arrived.unit.duration);
  track.broken = false;
  track.source = {input.id, session.serial};
  track.came = now_;
  ++input.status.used;
}

void Merger::Impl::emit_part(TrackState& track) {
  PartDecided part;
  part.slot = slot_->number;
  part.track = track.id;
  part.input = track.part_input;
  part.start = track.part_start;
  part.independent = track.part_independent;
  part.payloads = std::exchange(track.payloads, {});
  part.detached = std::exchange(track.detached, {});
  track.has_part = true;
  decisions_.emplace_back(std::move(part));
}

// True: every track has its part, or will not have one.
bool Merger::Impl::fill_slot() {
  bool full = true;
  for (TrackState& track : running_->tracks) {
    if (track.done) continue;
    if (!fill(track)) {
      full = false;
      continue;
    }
    track.done = true;
    if (!track.payloads.empty()) emit_part(track);
  }
  return full;
}

// Takes what the slot holds of the track and is there. False: more may come.
bool Merger::Impl::fill(TrackState& track) {
  std::int64_t limit = slot_end_in(track);
  if (track.kind == codecs::Kind::video)
    limit -= tolerance(track, {0, limit - track.edge, true, nullptr}, false);
  const Microseconds media_end = to_microseconds(slot_->end, running_->ref().timescale);
  for (;;) {
    if (track.edge >= limit) return true;
    const bool is_text = track.kind == codecs::Kind::text;
    const Monotonic deadline = is_text ? slot_->text_deadline : slot_->available + patience(track);
    const Choice choice = select(track, media_end, deadline);
    if (choice.input) {
      take(track, inputs_[*choice.input], *joined_session(*choice.input));
      continue;
    }
    if (choice.wait) return segment_closes(track, limit);
    const std::optional<std::int64_t> next = next_position(track);
    if (!next || *next >= limit || !track.payloads.empty()) return true;
    add_hole(track, track.edge, *next);
    extend_missing(track, *next);
    track.edge = *next;
    track.broken = true;
  }
}

// S2: the active input's segment is over, and its audio ends so near to the slot's end that the rest
// comes with the next segment.
bool Merger::Impl::segment_closes(TrackState& track, std::int64_t limit) {
  if (track.kind == codecs::Kind::video || !active_) return false;
  Session* session = joined_session(*active_);
  if (session == nullptr || track.payloads.empty()) return false;
  const TrackFeed& feed = *session->find(track.key);
  return feed.units.empty() && feed.segment_over && track.edge >= limit - slack(track);
}

// The earliest that any input holds of the track after its edge.
std::optional<std::int64_t> Merger::Impl::next_position(TrackState& track) {
  std::optional<std::int64_t> next;
  for (const InputId id : preference()) {
    Session* session = joined_session(id);
    if (session == nullptr) continue;
    const TrackFeed& feed = *session->find(track.key);
    if (!feed.units.empty() && feed.next() > track.edge && (!next || feed.next() < *next)) next = feed.next();
  }
  return next;
}

void Merger::Impl::add_hole(TrackState& track, std::int64_t start, std::int64_t end) {
  if (end <= start) return;
  track.holes.push_back({start, end});
  if (track.holes.size() > remembered_holes) track.holes.pop_front();
}

// Moves the edge on when the slot ends without the track's part, or with less than it should have.
// False: the track is missing in the slot.
bool Merger::Impl::finish(TrackState& track) {
  if (&track == &running_->ref()) return track.has_part;
  const std::int64_t end = slot_end_in(track);
  std::int64_t reached = end - slack(track);
  if (track.kind == codecs::Kind::video)
    reached -= tolerance(track, {0, end - track.edge, true, nullptr}, false);
  // A GOP that is longer than the slot covers it without beginning in it.
  const bool covered = !track.broken && (track.edge >= end || track.kind == codecs::Kind::video);
  if (track.edge >= reached) return track.has_part || covered;
  const std::int64_t given_up = end - slack(track);
  add_hole(track, track.edge, given_up);
  track.edge = given_up;
  track.broken = true;
  return track.has_part;
}

void Merger::Impl::list_slot() {
  SlotListed listed;
  listed.number = slot_->number;
  listed.stretch = running_->stretch.id;
  listed.start = slot_->start;
  listed.end = slot_->end;
  if (const auto step = utc_watch_.due(slot_->start)) {
    running_->base_utc = running_->utc_of(slot_->start) + *step;
    running_->base_time = slot_->start;
    utc_watch_.reset();
  }
  listed.utc = running_->utc_of(slot_->start);
  running_->end_utc = running_->utc_of(slot_->end);
  for (TrackState& track : running_->tracks) {
    const std::int64_t from = &track == &running_->ref() ? slot_->start : track.edge;
    forget_late(track);
    if (finish(track)) continue;
    listed.missing.push_back(track.id);
    note_missing(track, from);
  }
  slot_.reset();
  for (Input& input : inputs_) {
    Session* session = joined_session(input.id);
    if (session == nullptr) continue;
    for (TrackState& track : running_->tracks) trim(input, *session, track, *session->find(track.key));
  }
  decisions_.emplace_back(std::move(listed));
}

}  // namespace tarn::timeline
