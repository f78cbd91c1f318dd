// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "core/archive/composed_archive.h"
#include "core/archive/missing_parts.h"
#include "core/archive/records.h"
#include "core/archive/volume.h"

// The writer's half of the archive: stretches, chunks, slots.
namespace tarn::archive {
namespace {

// Serials are reserved in the catalogue this many at a time, so that one is never given twice
// (semantics S8), whatever was written and not listed when the process died.
constexpr std::uint64_t serial_block = 1024;
constexpr std::uint64_t max_serial = (1ULL << 48U) - 1;

std::uint64_t size_of(const std::vector<Blob>& parts) {
  std::uint64_t size = 0;
  for (const Blob& part : parts) size += part.size();
  return size;
}

Error conflict(std::string message) { return {ErrorCode::conflict, std::move(message)}; }

}  // namespace

timeline::Resume ComposedArchive::resume() {
  const std::lock_guard lock{write_mutex_};
  const auto published = timeline();
  waiting_.clear();
  unlisted_.clear();
  std::erase_if(open_stretches_, [&](const auto& open) { return published->stretch(open.first) == nullptr; });
  timeline::Resume resume;
  resume.next_slot = footing_.next_slot;
  resume.slot_end = footing_.slot_end;
  resume.slot_end_utc = footing_.slot_end_utc;
  resume.ended = published->ended.has_value();
  resume.edges.assign(footing_.edges.begin(), footing_.edges.end());
  resume.next_stretch = last_stretch_ + 1;
  if (published->stretches.empty()) return resume;
  resume.last_stretch = *published->stretches.rbegin()->second;
  resume.missing = missing_parts(*published, *resume.last_stretch);
  return resume;
}

Status ComposedArchive::begin_stretch(const timeline::Stretch& stretch, const std::vector<Blob>& inits) {
  return write([&] { return do_begin_stretch(stretch, inits); });
}

Result<bool> ComposedArchive::do_begin_stretch(const timeline::Stretch& stretch,
                                               const std::vector<Blob>& inits) {
  const std::string name = name_ + ": stretch " + std::to_string(stretch.id);
  if (inits.size() != stretch.tracks.size()) {
    return Error{ErrorCode::invalid, name + ": " + std::to_string(stretch.tracks.size()) + " tracks, but " +
                                         std::to_string(inits.size()) + " init sections"};
  }
  if (stretch.find(stretch.reference) == nullptr) {
    return Error{ErrorCode::invalid, name + ": the reference track is not one of its tracks"};
  }
  if (stretch.first_slot < footing_.next_slot) return conflict(name + ": begins before the next slot");
  if (stretch.id <= last_stretch_) {
    return conflict(name + ": stretch " + std::to_string(last_stretch_) + " was begun before");
  }
  auto numbered = std::make_shared<timeline::Stretch>(stretch);
  OpenStretch open;
  open.inits = inits;
  for (std::size_t i = 0; i < inits.size(); ++i) {
    timeline::Track& track = numbered->tracks[i];
    const bool ascending = i == 0 || numbered->tracks[i - 1].id < track.id;
    if (track.id == 0 || !ascending || track.description.info.timescale == 0) {
      return Error{ErrorCode::invalid,
                   name + ": track " + std::to_string(track.id) + " has no timescale or is out of order"};
    }
    number_init(track, inits[i], open);
  }
  open.record = Blob::of(write_stretch(*numbered));
  open.stretch = std::move(numbered);
  last_stretch_ = stretch.id;
  open_stretches_.emplace(stretch.id, std::move(open));
  return false;
}

// Init sections of stretches that never got a slot are numbered, but not kept: numbers may be left out.
void ComposedArchive::number_init(timeline::Track& track, const Blob& init, OpenStretch& open) {
  const auto same = [&](const Blob& known) {
    return std::equal(known.bytes().begin(), known.bytes().end(), init.bytes().begin(), init.bytes().end());
  };
  for (const auto& [key, known] : inits_) {
    if (key.first != track.id || !same(known)) continue;
    track.config = key.second;
    return;
  }
  track.config = ++last_config_[track.id];
  open.new_inits.push_back({track.id, track.config, init});
}

Status ComposedArchive::append(NewChunk chunk) {
  return write([&] { return do_append(std::move(chunk)); });
}

Result<bool> ComposedArchive::do_append(NewChunk chunk) {
  const std::string name =
      name_ + ": chunk of track " + std::to_string(chunk.track) + " in slot " + std::to_string(chunk.slot);
  const std::uint64_t slot = chunk.slot;
  if (slot < footing_.next_slot) return conflict(name + ": the slot is listed already");
  OpenStretch* open = stretch_of_slot(slot);
  if (open == nullptr) return conflict(name + ": no stretch was begun for it");
  const timeline::Track* track = open->stretch->find(chunk.track);
  if (track == nullptr) return conflict(name + ": the stretch has no such track");
  const timeline::Chunk stored = TRY(store(std::move(chunk), *open, *track));
  // Of two chunks of one track the later one counts.
  unlisted_[slot][track->id] = stored;
  return false;
}

Result<timeline::Chunk> ComposedArchive::store(NewChunk chunk, const OpenStretch& open,
                                               const timeline::Track& track) {
  const std::uint64_t size = size_of(chunk.parts);
  if (size == 0 || size > max_chunk_size) {
    return Error{ErrorCode::invalid, name_ + ": chunk of track " + std::to_string(chunk.track) + " in slot " +
                                         std::to_string(chunk.slot) + ": has " + std::to_string(size) +
                                         " bytes"};
  }
  VolumeHead head;
  head.track = track.id;
  head.stretch = open.stretch->id;
  head.config = track.config;
  head.timescale = track.description.info.timescale;
  head.kind = codecs::kind_of(track.description.info.codec);
  head.init = open.inits[static_cast<std::size_t>(&track - open.stretch->tracks.data())];
  head.stretch_record = open.record;
  const std::uint64_t serial = TRY(next_serial());
  const ChunkLabel label{track.id, chunk.slot, serial, chunk.start, chunk.duration, chunk.independent};
  auto location = store_->append(head, label, chunk.parts);
  if (!location.ok()) {
    if (location.error().code == ErrorCode::no_space) return std::move(location).error();
    return fail(location.error());
  }
  note_volume(location->volume, chunk.slot);
  cache_.put(serial, std::move(chunk.parts));
  return timeline::Chunk{track.id, chunk.independent, chunk.start, chunk.duration, serial, *location};
}

Status ComposedArchive::repair(NewChunk chunk) {
  return write([&] { return do_repair(std::move(chunk)); });
}

Result<bool> ComposedArchive::do_repair(NewChunk chunk) {
  const auto published = timeline();
  const std::uint64_t number = chunk.slot;
  const auto slot = published->find(number);
  if (slot == nullptr || slot->find(chunk.track) != nullptr) return false;
  if (published->find_late(number, chunk.track) != nullptr) return false;
  // Of an earlier stretch there is no volume any more that could take it.
  const auto open = open_stretches_.find(slot->stretch);
  if (open == open_stretches_.end()) return false;
  const timeline::Track* track = open->second.stretch->find(chunk.track);
  if (track == nullptr) return conflict(name_ + ": a late chunk of a track that its stretch does not have");
  const timeline::Chunk stored = TRY(store(std::move(chunk), open->second, *track));
  if (Status synced = store_->sync(); !synced) return fail(synced.error());
  Draft next = draft();
  next.timeline->add_late(number, stored);
  next.change.late.push_back({number, *next.timeline->late_chunks(number)});
  TRY(commit(next));
  publish(next);
  const std::lock_guard lock{state_mutex_};
  ++chunks_;
  return true;
}

Result<std::uint64_t> ComposedArchive::next_serial() {
  if (serial_ > max_serial) return Error{ErrorCode::limit, name_ + ": all 2^48 chunk serials are used up"};
  if (serial_ == serial_limit_) {
    Draft reserve;
    reserve.change.serial_limit = serial_limit_ + serial_block;
    TRY(commit(reserve));
  }
  return serial_++;
}

ComposedArchive::OpenStretch* ComposedArchive::stretch_of_slot(std::uint64_t slot) {
  OpenStretch* found = nullptr;
  for (auto& [id, open] : open_stretches_) {
    if (open.stretch->first_slot <= slot) found = &open;
  }
  return found;
}

Status ComposedArchive::list_slot(const timeline::SlotListed& slot, Utc now) {
  return write([&] { return do_list_slot(slot, now); });
}

Result<bool> ComposedArchive::do_list_slot(const timeline::SlotListed& slot, Utc now) {
  TRY(check_order(slot.number));
  if (Status synced = store_->sync(); !synced) return fail(synced.error());
  Draft next = draft();
  std::vector<timeline::SlotListed> due = waiting_;
  due.push_back(slot);
  for (const timeline::SlotListed& listed : due) TRY(list(listed, next, now));
  if (serial_limit_ - serial_ < serial_block / 2) next.change.serial_limit = serial_limit_ + serial_block;
  if (next.timeline->ended) {
    next.timeline->ended.reset();
    next.change.ended = std::optional<Utc>{};
  }
  if (Status committed = commit(next); !committed) {
    if (committed.error().code == ErrorCode::no_space) waiting_ = std::move(due);
    return std::move(committed).error();
  }
  for (const timeline::Slot& listed : next.change.slots) unlisted_.erase(listed.number);
  waiting_.clear();
  publish(next);
  return true;
}

Status ComposedArchive::check_order(std::uint64_t slot) const {
  const std::uint64_t expected = footing_.next_slot + waiting_.size();
  const bool is_first_ever = waiting_.empty() && timeline()->stretches.empty();
  if (slot == expected || (is_first_ever && slot > expected)) return {};
  return conflict(name_ + ": slot " + std::to_string(slot) + " cannot be listed, " +
                  std::to_string(expected) + " is next");
}

Status ComposedArchive::list(const timeline::SlotListed& listed, Draft& draft, Utc now) {
  OpenStretch* open = stretch_of_slot(listed.number);
  if (open == nullptr || open->stretch->id != listed.stretch) {
    return conflict(name_ + ": slot " + std::to_string(listed.number) + ": stretch " +
                    std::to_string(listed.stretch) + " was not begun for it");
  }
  begin_stretch_in(draft, *open);
  timeline::Slot slot;
  slot.number = listed.number;
  slot.stretch = listed.stretch;
  slot.start = listed.start;
  slot.end = listed.end;
  slot.utc = listed.utc;
  if (const auto chunks = unlisted_.find(listed.number); chunks != unlisted_.end()) {
    for (const auto& [track, chunk] : chunks->second) slot.chunks.push_back(chunk);
  }
  begin_anchor_in(draft, slot);
  draft.timeline->append(slot);
  for (auto& [name, endpoint] : draft.endpoints) endpoint.add(*draft.timeline, slot, now);
  draft.change.slots.push_back(std::move(slot));
  return {};
}

// Where the slot's date is not where the one before it ended, the clock was set (semantics S13).
void ComposedArchive::begin_anchor_in(Draft& draft, const timeline::Slot& slot) const {
  Footing before = footing_;
  for (const timeline::Slot& listed : draft.change.slots) move_on(before, *draft.timeline, listed);
  const bool goes_on = before.stretch == slot.stretch && before.next_slot == slot.number;
  if (!goes_on || !timeline::is_clock_step(before.slot_end_utc, slot.utc)) return;
  const timeline::Anchor anchor{slot.number, slot.stretch, slot.start, slot.utc};
  draft.timeline->anchors.emplace(anchor.slot, anchor);
  draft.change.anchors.push_back(anchor);
}

// With its first slot a stretch becomes visible, and stored.
void ComposedArchive::begin_stretch_in(Draft& draft, const OpenStretch& open) const {
  if (draft.timeline->stretch(open.stretch->id) != nullptr) return;
  if (draft.timeline->stretches.empty()) {
    draft.timeline->availability_start = open.stretch->start;
    draft.change.availability_start = open.stretch->start;
  }
  draft.timeline->stretches.emplace(open.stretch->id, open.stretch);
  draft.change.stretches.push_back(*open.stretch);
  draft.change.inits.insert(draft.change.inits.end(), open.new_inits.begin(), open.new_inits.end());
}

Status ComposedArchive::close_tail(bool ended, Utc now) {
  return write([&] { return do_close_tail(ended, now); });
}

Result<bool> ComposedArchive::do_close_tail(bool ended, Utc now) {
  Draft next = draft();
  for (auto& [name, endpoint] : next.endpoints) endpoint.close(now);
  if (ended) {
    next.timeline->ended = now;
    next.change.ended = now;
  }
  TRY(commit(next));
  publish(next);
  return true;
}

}  // namespace tarn::archive
