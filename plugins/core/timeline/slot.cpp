// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/slot.h"

#include <algorithm>

#include "core/timeline/packed_slots.h"

namespace tarn::timeline {
namespace {

Found<Chunk> find_in(std::span<const Chunk> chunks, TrackId track) {
  const auto at = std::lower_bound(chunks.begin(), chunks.end(), track,
                                   [](const Chunk& chunk, TrackId id) { return chunk.track < id; });
  if (at == chunks.end() || at->track != track) return nullptr;
  return *at;
}

}  // namespace

Found<Chunk> Slot::find(TrackId id) const { return find_in(chunks, id); }

std::size_t ChunkView::size() const { return block_ == nullptr ? chunks_.size() : block_->chunks(row_); }

Chunk ChunkView::operator[](std::size_t index) const {
  return block_ == nullptr ? chunks_[index] : block_->chunk(row_, index);
}

Found<Chunk> ChunkView::find(TrackId track) const {
  return block_ == nullptr ? find_in(chunks_, track) : block_->find(row_, track);
}

SlotView::SlotView(const Slot& slot)
    : number(slot.number),
      stretch(slot.stretch),
      start(slot.start),
      end(slot.end),
      utc(slot.utc),
      chunks(slot.chunks) {}

SlotView::SlotView(const PackedSlots& block, std::size_t row)
    : number(block.number(row)),
      stretch(block.stretch(row)),
      start(block.start(row)),
      end(block.end(row)),
      utc(block.utc(row)),
      chunks(block, row) {}

Slot SlotView::copy() const {
  Slot slot;
  slot.number = number;
  slot.stretch = stretch;
  slot.start = start;
  slot.end = end;
  slot.utc = utc;
  slot.chunks.assign(chunks.begin(), chunks.end());
  return slot;
}

}  // namespace tarn::timeline
