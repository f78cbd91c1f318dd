// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/timeline/block_list.h"
#include "core/timeline/columns.h"
#include "core/timeline/slot.h"

namespace tarn::timeline {

// A block of slots that nothing changes any more, in columns: a few bits where slots are alike, with room for
// any value.
class PackedSlots {
 public:
  using Item = Slot;
  using View = SlotView;

  explicit PackedSlots(std::span<const Slot> slots);
  [[nodiscard]] SlotView at(std::size_t row) const { return {*this, row}; }
  static SlotView view(const Slot& slot) { return {slot}; }

  [[nodiscard]] std::uint64_t number(std::size_t row) const { return bits_.value(number_, row); }
  [[nodiscard]] std::uint32_t stretch(std::size_t row) const {
    return static_cast<std::uint32_t>(bits_.value(stretch_, row));
  }
  [[nodiscard]] std::int64_t start(std::size_t row) const { return signed_value(start_, row); }
  [[nodiscard]] std::int64_t end(std::size_t row) const {
    return static_cast<std::int64_t>(bits_.value(start_, row) + bits_.value(length_, row));
  }
  [[nodiscard]] Utc utc(std::size_t row) const { return Utc{Microseconds{signed_value(utc_, row)}}; }

  [[nodiscard]] std::size_t chunks(std::size_t row) const;
  // REQUIRES: index < chunks(row)
  [[nodiscard]] Chunk chunk(std::size_t row, std::size_t index) const;
  [[nodiscard]] Found<Chunk> find(std::size_t row, TrackId track) const;

 private:
  struct TrackColumns {
    TrackId track = 0;
    // As much more than the slot's own: nothing more for a track that is cut with the reference, in the same
    // ticks, however long its GOPs are.
    bool start_counts_from_slot = false;
    bool duration_counts_from_slot = false;
    Column is_there;
    Column independent;
    Column start;
    Column duration;
    Column serial;
    Column volume;
    Column size;
    Column offset;  // of its bytes
  };

  [[nodiscard]] std::int64_t signed_value(const Column& column, std::size_t row) const {
    return static_cast<std::int64_t>(bits_.value(column, row));
  }
  [[nodiscard]] bool has(const TrackColumns& track, std::size_t row) const {
    return bits_.value(track.is_there, row) != 0;
  }
  [[nodiscard]] Chunk read(const TrackColumns& track, std::size_t row) const;
  void add_track(std::span<const Slot> slots, TrackId id);

  Column number_;
  Column stretch_;
  Column start_;
  Column length_;
  Column utc_;
  std::vector<TrackColumns> tracks_;  // ascending
  ColumnBits bits_;
};

using SlotList = BlockList<PackedSlots, 256>;

}  // namespace tarn::timeline
