// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/output_span.h"

namespace tarn::timeline {
namespace {

Found<SlotView> first_slot_of(const Timeline& timeline, const Cut& cut) {
  return timeline.find(cut.first_slot);
}
Found<SlotView> last_slot_of(const Timeline& timeline, const Cut& cut) {
  return cut.slot_count == 0 ? Found<SlotView>{} : timeline.find(cut.first_slot + cut.slot_count - 1);
}

}  // namespace

std::uint32_t timescale_of(const Stretch& stretch, TrackId track) {
  const Track* found = stretch.find(track);
  if (found == nullptr) found = stretch.find(stretch.reference);
  return found == nullptr ? 1 : found->description.info.timescale;
}

namespace {

template <class Find>
TrackSpan span_of_chunks(const Timeline& timeline, const Stretch& stretch, const Cut& cut, TrackId track,
                         Find find) {
  TrackSpan span;
  const std::uint32_t reference_scale = timescale_of(stretch, stretch.reference);
  const std::uint32_t scale = timescale_of(stretch, track);
  for (std::uint64_t i = 0; i < cut.slot_count; ++i) {
    const auto slot = timeline.find(cut.first_slot + i);
    if (slot == nullptr) continue;
    const auto chunk = find(*slot);
    if (i == 0) span.start = chunk != nullptr ? chunk->start : rescale(slot->start, reference_scale, scale);
    span.end = chunk != nullptr ? chunk->start + chunk->duration : rescale(slot->end, reference_scale, scale);
    if (chunk == nullptr) continue;
    if (span.first == nullptr) span.first = chunk;
    span.last = chunk;
    span.bytes += chunk->location.size;
  }
  return span;
}

}  // namespace

TrackSpan span_of(const Timeline& timeline, const Stretch& stretch, const Cut& cut, TrackId track) {
  return span_of_chunks(timeline, stretch, cut, track,
                        [&](const SlotView& slot) { return slot.find(track); });
}

TrackSpan span_of(const Timeline& timeline, const Stretch& stretch, const Cut& cut, TrackId track,
                  const std::vector<TrackId>& rendition, Content content) {
  if (content == Content::listed || !is_repaired(timeline, cut.first_slot, cut.slot_count, rendition)) {
    return span_of(timeline, stretch, cut, track);
  }
  return span_of_chunks(timeline, stretch, cut, track, [&](const SlotView& slot) {
    return archived_chunk(timeline, slot.number, track, true);
  });
}

bool is_repaired(const Timeline& timeline, std::uint64_t first_slot, std::uint32_t slot_count,
                 const std::vector<TrackId>& rendition) {
  if (!timeline.has_late()) return false;
  for (const TrackId track : rendition) {
    std::uint32_t listed = 0;
    std::uint32_t late = 0;
    for (std::uint64_t number = first_slot; number < first_slot + slot_count; ++number) {
      const auto slot = timeline.find(number);
      if (slot == nullptr) return false;
      listed += slot->find(track) != nullptr ? 1U : 0U;
      late += timeline.find_late(number, track) != nullptr ? 1U : 0U;
    }
    const bool is_leader = track == rendition.front();
    if (is_leader && listed > 0) return false;
    if (listed + late < slot_count) return false;
  }
  return !rendition.empty();
}

Found<Chunk> archived_chunk(const Timeline& timeline, std::uint64_t slot, TrackId track, bool repaired) {
  const auto found = timeline.find(slot);
  if (found == nullptr) return nullptr;
  const auto listed = found->find(track);
  return listed == nullptr && repaired ? timeline.find_late(slot, track) : listed;
}

Utc start_of(const Timeline& timeline, const Cut& cut) {
  const auto slot = first_slot_of(timeline, cut);
  return slot == nullptr ? Utc{} : slot->utc;
}

Utc end_of(const Timeline& timeline, const Stretch& stretch, const Cut& cut) {
  const auto slot = last_slot_of(timeline, cut);
  if (slot == nullptr) return {};
  return slot->utc + to_microseconds(slot->end - slot->start, timescale_of(stretch, stretch.reference));
}

Microseconds duration_of(const Timeline& timeline, const Stretch& stretch, const Cut& cut) {
  const auto first = first_slot_of(timeline, cut);
  const auto last = last_slot_of(timeline, cut);
  if (first == nullptr || last == nullptr) return {};
  return to_microseconds(last->end - first->start, timescale_of(stretch, stretch.reference));
}

}  // namespace tarn::timeline
