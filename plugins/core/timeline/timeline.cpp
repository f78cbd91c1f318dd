// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/timeline.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tarn::timeline {
namespace {

template <class Container, class Key, class Projection>
auto* find_sorted(Container& items, const Key& key, Projection projection) {
  const auto at = std::lower_bound(items.begin(), items.end(), key,
                                   [&](const auto& item, const Key& k) { return projection(item) < k; });
  return at != items.end() && projection(*at) == key ? &*at : nullptr;
}

}  // namespace

const Track* Stretch::find(TrackId track) const {
  return find_sorted(tracks, track, [](const Track& t) { return t.id; });
}

std::int64_t Stretch::start_in(TrackId track) const {
  const Track* own = find(track);
  const Track* ruler = find(reference);
  if (own == nullptr || ruler == nullptr) return start_time;
  return rescale(start_time, ruler->description.info.timescale, own->description.info.timescale);
}

const Generation* Presentation::find_generation(std::uint32_t wanted) const {
  return find_sorted(generations, wanted, [](const Generation& g) { return g.number; });
}

Utc Presentation::keyed_at(std::uint32_t generation) const {
  const Generation* found = find_generation(generation);
  return found == nullptr ? Utc{} : found->start;
}

Found<Cut> Presentation::find_cut(std::uint64_t wanted) const {
  const auto at =
      std::partition_point(cuts.begin(), cuts.end(), [&](const Cut& cut) { return cut.number < wanted; });
  if (at == cuts.end() || at->number != wanted) return nullptr;
  return *at;
}

Found<SlotView> Timeline::find(std::uint64_t number) const {
  if (empty() || number < first_slot() || number >= end_slot()) return nullptr;
  return slots_[number - first_slot_];
}

const Stretch* Timeline::stretch(std::uint32_t id) const {
  const auto at = stretches.find(id);
  return at == stretches.end() ? nullptr : at->second.get();
}

const Presentation* Timeline::presentation(const std::string& endpoint) const {
  const auto at = presentations.find(endpoint);
  return at == presentations.end() ? nullptr : at->second.get();
}

const std::vector<Chunk>* Timeline::late_chunks(std::uint64_t slot) const {
  if (!late_ || find(slot) == nullptr) return nullptr;
  const auto at = late_->find(slot);
  return at == late_->end() ? nullptr : &at->second;
}

Found<Chunk> Timeline::find_late(std::uint64_t slot, TrackId track) const {
  const std::vector<Chunk>* chunks = late_chunks(slot);
  return chunks == nullptr ? Found<Chunk>{} : ChunkView{*chunks}.find(track);
}

void Timeline::add_late(std::uint64_t slot, const Chunk& chunk) {
  auto grown = late_ ? std::make_shared<LateChunks>(*late_) : std::make_shared<LateChunks>();
  std::vector<Chunk>& chunks = (*grown)[slot];
  const auto at = std::find_if(chunks.begin(), chunks.end(),
                               [&](const Chunk& known) { return known.track >= chunk.track; });
  chunks.insert(at, chunk);
  late_ = std::move(grown);
}

const Anchor* Timeline::anchor_of(const Stretch& stretch, std::uint64_t number) const {
  auto after = anchors.upper_bound(number);
  if (after == anchors.begin()) return nullptr;
  const Anchor& newest = std::prev(after)->second;
  return newest.stretch == stretch.id ? &newest : nullptr;
}

void Timeline::append(Slot slot) {
  if (empty()) first_slot_ = slot.number;
  slots_.push_back(std::move(slot));
}

void Timeline::load(SlotList slots) {
  if (!slots.empty()) first_slot_ = slots[0].number;
  slots_ = std::move(slots);
}

void Timeline::trim_before(std::uint64_t number) {
  if (empty() || number <= first_slot_) return;
  const std::uint64_t kept_from = std::min(number, end_slot());
  slots_.drop_front(kept_from - first_slot_);
  first_slot_ = kept_from;
  if (!late_ || late_->empty() || late_->begin()->first >= kept_from) return;
  late_ = std::make_shared<const LateChunks>(late_->lower_bound(kept_from), late_->end());
}

}  // namespace tarn::timeline
