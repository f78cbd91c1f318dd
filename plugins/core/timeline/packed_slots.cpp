// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/packed_slots.h"

#include <algorithm>
#include <set>

namespace tarn::timeline {
namespace {

using Cells = std::vector<Cell>;

std::uint64_t bits_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::uint64_t bits_of(Utc time) { return bits_of(time.time_since_epoch().count()); }
// Modulo 2^64, as columns count.
std::uint64_t length_of(const Slot& slot) { return bits_of(slot.end) - bits_of(slot.start); }

template <class Read>
Column pack(std::span<const Slot> slots, ColumnBits& bits, Read read) {
  Cells cells;
  cells.reserve(slots.size());
  for (const Slot& slot : slots) cells.push_back({static_cast<std::uint32_t>(cells.size()), read(slot)});
  Column column = fit(cells);
  bits.add(column, cells, slots.size());
  return column;
}

// A chunk of a track and the slot it is in.
struct Part {
  std::uint32_t row = 0;
  const Slot* slot = nullptr;
  const Chunk* chunk = nullptr;
};

std::vector<Part> parts_of(std::span<const Slot> slots, TrackId id) {
  std::vector<Part> parts;
  parts.reserve(slots.size());
  for (std::size_t row = 0; row < slots.size(); ++row) {
    for (const Chunk& chunk : slots[row].chunks) {
      if (chunk.track == id) parts.push_back({static_cast<std::uint32_t>(row), &slots[row], &chunk});
    }
  }
  return parts;
}

template <class Read>
Cells cells_of(const std::vector<Part>& parts, Read read) {
  Cells cells;
  cells.reserve(parts.size());
  for (const Part& part : parts) cells.push_back({part.row, read(part)});
  return cells;
}

}  // namespace

PackedSlots::PackedSlots(std::span<const Slot> slots) {
  number_ = pack(slots, bits_, [](const Slot& slot) { return slot.number; });
  stretch_ = pack(slots, bits_, [](const Slot& slot) { return std::uint64_t{slot.stretch}; });
  start_ = pack(slots, bits_, [](const Slot& slot) { return bits_of(slot.start); });
  length_ = pack(slots, bits_, length_of);
  utc_ = pack(slots, bits_, [](const Slot& slot) { return bits_of(slot.utc); });
  std::set<TrackId> ids;
  for (const Slot& slot : slots) {
    for (const Chunk& chunk : slot.chunks) ids.insert(chunk.track);
  }
  tracks_.reserve(ids.size());
  for (const TrackId id : ids) add_track(slots, id);
  bits_.seal();
}

void PackedSlots::add_track(std::span<const Slot> slots, TrackId id) {
  const std::vector<Part> parts = parts_of(slots, id);
  const auto add = [&](auto read) {
    const Cells cells = cells_of(parts, read);
    Column column = fit(cells);
    bits_.add(column, cells, slots.size());
    return column;
  };
  // Whichever takes fewer bits; true: the second.
  const auto add_either = [&](Column& column, auto read, auto read_more) {
    const Cells cells = cells_of(parts, read);
    const Cells more = cells_of(parts, read_more);
    column = fit(cells);
    const Column other = fit(more);
    const bool is_other = other.width < column.width;
    if (is_other) column = other;
    bits_.add(column, is_other ? more : cells, slots.size());
    return is_other;
  };
  TrackColumns& track = tracks_.emplace_back();
  track.track = id;
  Cells there(slots.size());
  for (std::size_t row = 0; row < slots.size(); ++row) there[row].row = static_cast<std::uint32_t>(row);
  for (const Part& part : parts) there[part.row].value = 1;
  track.is_there = fit(there);
  bits_.add(track.is_there, there, slots.size());
  track.independent = add([](const Part& part) { return std::uint64_t{part.chunk->independent}; });
  track.start_counts_from_slot = add_either(
      track.start, [](const Part& part) { return bits_of(part.chunk->start); },
      [](const Part& part) { return bits_of(part.chunk->start) - bits_of(part.slot->start); });
  track.duration_counts_from_slot = add_either(
      track.duration, [](const Part& part) { return bits_of(part.chunk->duration); },
      [](const Part& part) { return bits_of(part.chunk->duration) - length_of(*part.slot); });
  track.serial = add([](const Part& part) { return part.chunk->serial; });
  track.volume = add([](const Part& part) { return std::uint64_t{part.chunk->location.volume}; });
  track.size = add([](const Part& part) { return std::uint64_t{part.chunk->location.size}; });
  track.offset = add([](const Part& part) { return part.chunk->location.offset; });
}

std::size_t PackedSlots::chunks(std::size_t row) const {
  return static_cast<std::size_t>(
      std::count_if(tracks_.begin(), tracks_.end(), [&](const TrackColumns& t) { return has(t, row); }));
}

Chunk PackedSlots::chunk(std::size_t row, std::size_t index) const {
  auto track = tracks_.begin();
  for (; !has(*track, row) || index > 0; ++track) {
    if (has(*track, row)) --index;
  }
  return read(*track, row);
}

Found<Chunk> PackedSlots::find(std::size_t row, TrackId track) const {
  const auto at = std::find_if(tracks_.begin(), tracks_.end(),
                               [&](const TrackColumns& columns) { return columns.track >= track; });
  if (at == tracks_.end() || at->track != track || !has(*at, row)) return nullptr;
  return read(*at, row);
}

Chunk PackedSlots::read(const TrackColumns& track, std::size_t row) const {
  Chunk chunk;
  chunk.track = track.track;
  chunk.independent = bits_.value(track.independent, row) != 0;
  std::uint64_t start = bits_.value(track.start, row);
  if (track.start_counts_from_slot) start += bits_.value(start_, row);
  std::uint64_t duration = bits_.value(track.duration, row);
  if (track.duration_counts_from_slot) duration += bits_.value(length_, row);
  chunk.start = static_cast<std::int64_t>(start);
  chunk.duration = static_cast<std::int64_t>(duration);
  chunk.serial = bits_.value(track.serial, row);
  chunk.location.volume = static_cast<std::uint32_t>(bits_.value(track.volume, row));
  chunk.location.size = static_cast<std::uint32_t>(bits_.value(track.size, row));
  chunk.location.offset = bits_.value(track.offset, row);
  return chunk;
}

}  // namespace tarn::timeline
