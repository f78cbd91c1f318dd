// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "core/base/time.h"
#include "core/timeline/found.h"

namespace tarn::timeline {

using TrackId = std::uint32_t;  // 1, 2, 3… per channel, stable across restarts and stretches

// Where a chunk's bytes are: opaque to all but the chunk store.
struct ChunkLocation {
  std::uint32_t volume = 0;
  std::uint32_t size = 0;
  std::uint64_t offset = 0;
};

struct Chunk {
  TrackId track = 0;
  bool independent = true;    // begins with a sync sample
  std::int64_t start = 0;     // decode time of the first sample, ticks of the track
  std::int64_t duration = 0;  // sum of the samples' durations
  std::uint64_t serial = 0;   // unique over all tracks of the channel for ever, 48 bits (semantics S8)
  ChunkLocation location;
};

// One GOP of the reference track and what the other tracks have in it.
struct Slot {
  std::uint64_t number = 0;  // counts up by one per channel for ever
  std::uint32_t stretch = 0;
  std::int64_t start = 0;  // bounds in ticks of the reference track
  std::int64_t end = 0;
  Utc utc;                    // of start (semantics S13); stored
  std::vector<Chunk> chunks;  // ascending by track; a track that is missing has a hole here (S4, S18)

  [[nodiscard]] Found<Chunk> find(TrackId id) const;
};

class PackedSlots;

// The chunks of a slot of a timeline, ascending by track. Refers to the timeline, or to the slot it is of.
class ChunkView {
 public:
  class const_iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Chunk;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = Chunk;

    const_iterator(const ChunkView& view, std::size_t index) : view_(view), index_(index) {}
    Chunk operator*() const;
    const_iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator==(const const_iterator& other) const { return index_ == other.index_; }

   private:
    std::reference_wrapper<const ChunkView> view_;
    std::size_t index_;
  };

  explicit ChunkView(std::span<const Chunk> chunks) : chunks_(chunks) {}
  ChunkView(const PackedSlots& block, std::size_t row) : block_(&block), row_(row) {}

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  // REQUIRES: index < size()
  Chunk operator[](std::size_t index) const;
  [[nodiscard]] Chunk front() const { return (*this)[0]; }
  [[nodiscard]] Chunk back() const { return (*this)[size() - 1]; }
  [[nodiscard]] Found<Chunk> find(TrackId track) const;
  [[nodiscard]] const_iterator begin() const { return {*this, 0}; }
  [[nodiscard]] const_iterator end() const { return {*this, size()}; }

 private:
  std::span<const Chunk> chunks_;
  const PackedSlots* block_ = nullptr;  // none: it is `chunks_`
  std::size_t row_ = 0;
};

inline Chunk ChunkView::const_iterator::operator*() const { return view_.get()[index_]; }

// A slot of a timeline, read. Refers to the timeline, or to the slot it is of.
struct SlotView {
  // NOLINTNEXTLINE(google-explicit-constructor): what reads a slot reads either
  SlotView(const Slot& slot);
  SlotView(const PackedSlots& block, std::size_t row);

  std::uint64_t number;
  std::uint32_t stretch;
  std::int64_t start;
  std::int64_t end;
  Utc utc;
  ChunkView chunks;

  [[nodiscard]] Found<Chunk> find(TrackId id) const { return chunks.find(id); }
  [[nodiscard]] Slot copy() const;
};

}  // namespace tarn::timeline
