// SPDX-License-Identifier: Apache-2.0
#include "core/archive/endpoint_draft.h"

#include <algorithm>
#include <utility>

#include "core/timeline/output_bitrate.h"

namespace tarn::archive {

using timeline::Cut;
using timeline::Cutter;
using timeline::Generation;
using timeline::Presentation;

EndpointDraft EndpointDraft::begin(const std::string& endpoint, const StoredEndpoint& past,
                                   std::uint64_t from_slot, std::uint32_t segment_duration,
                                   std::uint32_t channel_segment_duration, std::uint32_t key_period) {
  const Generation generation{past.last_generation + 1, from_slot, segment_duration, 0, {}, key_period};
  const auto presentation = std::make_shared<Presentation>();
  presentation->endpoint = endpoint;
  presentation->generations.push_back(generation);
  EndpointDraft draft{EndpointState{
      Cutter{generation, channel_segment_duration,
             Cutter::Anchor{past.anchor.next_number, from_slot, 0, past.anchor.discontinuity_sequence}},
      channel_segment_duration, presentation}};
  draft.edited_ = presentation;
  draft.change_.generations.push_back(generation);
  draft.set_head();
  return draft;
}

EndpointDraft EndpointDraft::restore(const std::string& endpoint, const StoredEndpoint& stored) {
  const auto presentation = std::make_shared<Presentation>();
  presentation->endpoint = endpoint;
  presentation->generations = stored.generations;
  presentation->cuts = stored.cuts;
  for (const auto& [stretch, rates] : stored.rates)
    presentation->rates.emplace(stretch, std::make_shared<const timeline::TrackRates>(rates));
  const Generation& generation = stored.generations.back();
  Cutter::Anchor anchor = stored.anchor;
  if (!stored.cuts.empty()) {
    const Cut last = stored.cuts.back();
    anchor.next_number = std::max(anchor.next_number, last.number + 1);
    anchor.first_slot = std::max(anchor.first_slot, last.first_slot + last.slot_count);
    anchor.stretch = last.stretch;
    anchor.discontinuity_sequence = last.discontinuity_sequence;
  }
  anchor.first_slot = std::max(anchor.first_slot, generation.from_slot);
  EndpointDraft draft{EndpointState{Cutter{generation, stored.channel_segment_duration, anchor},
                                    stored.channel_segment_duration, presentation}};
  draft.edited_ = presentation;
  return draft;
}

void EndpointDraft::add(const timeline::Timeline& timeline, const timeline::SlotView& slot, Utc now) {
  if (slot.number < state_.cutter.anchor().first_slot) return;
  const timeline::Stretch* stretch = timeline.stretch(slot.stretch);
  const timeline::Track* reference = stretch == nullptr ? nullptr : stretch->find(stretch->reference);
  if (reference == nullptr) return;
  const auto cuts =
      state_.cutter.add(slot, reference->description.info.timescale, now, timeline::cut_tolerance(*stretch));
  take_over_generation();
  for (const Cut& cut : cuts) record(cut);
  if (!cuts.empty()) note_rates(timeline);
}

void EndpointDraft::add_all(const timeline::Timeline& timeline, Utc now) {
  if (timeline.empty()) return;
  const std::uint64_t first = std::max(timeline.first_slot(), state_.cutter.anchor().first_slot);
  for (std::uint64_t number = first; number < timeline.end_slot(); ++number) {
    add(timeline, *timeline.find(number), now);
  }
  note_rates(timeline);
}

// Of the cut that close() made, too: without it, since what it ends is at hand only with the next slot.
void EndpointDraft::note_rates(const timeline::Timeline& timeline) {
  const auto& published = *state_.published;
  const bool is_noted = published.cuts.empty() || [&] {
    const auto at = published.rates.find(published.cuts.back().stretch);
    return at != published.rates.end() && !at->second->empty() &&
           at->second->begin()->second.through >= published.cuts.back().number;
  }();
  if (is_noted) return;
  Presentation& edited = edit();
  for (const std::uint32_t stretch : timeline::note_rates(timeline, edited))
    change_.rates.insert_or_assign(stretch, *edited.rates.at(stretch));
}

void EndpointDraft::close(Utc now) {
  const auto cut = state_.cutter.close(now);
  take_over_generation();
  if (cut) record(*cut);
}

void EndpointDraft::regenerate(std::uint64_t from_slot, std::uint32_t segment_duration,
                               std::uint32_t channel_segment_duration, std::uint32_t key_period, Utc now) {
  close(now);
  const Generation generation{
      state_.cutter.generation().number + 1, from_slot, segment_duration, 0, {}, key_period};
  Cutter::Anchor anchor = state_.cutter.anchor();
  anchor.first_slot = from_slot;
  state_.cutter = Cutter{generation, channel_segment_duration, anchor};
  state_.channel_segment_duration = channel_segment_duration;
  take_over_generation();
  set_head();
}

void EndpointDraft::trim(const timeline::Timeline& timeline, std::uint64_t first_kept, Utc now) {
  const auto& cuts = state_.published->cuts;
  const auto kept = std::partition_point(cuts.begin(), cuts.end(),
                                         [&](const Cut& cut) { return cut.first_slot < first_kept; });
  if (kept != cuts.begin()) {
    const auto dropped = static_cast<std::size_t>(kept - cuts.begin());
    change_.drop_cuts_before = kept == cuts.end() ? cuts.back().number + 1 : kept->number;
    edit().cuts.drop_front(dropped);
  }
  const std::uint32_t oldest_stretch = state_.published->cuts.empty()
                                           ? state_.cutter.anchor().stretch
                                           : state_.published->cuts.front().stretch;
  if (!state_.published->rates.empty() && state_.published->rates.begin()->first < oldest_stretch) {
    auto& rates = edit().rates;
    rates.erase(rates.begin(), rates.lower_bound(oldest_stretch));
    change_.drop_rates_before = oldest_stretch;
  }
  const std::uint32_t oldest_used = state_.published->cuts.empty()
                                        ? state_.cutter.generation().number
                                        : state_.published->cuts.front().generation;
  if (state_.published->generations.front().number < oldest_used) {
    std::erase_if(edit().generations, [&](const Generation& g) { return g.number < oldest_used; });
    change_.drop_generations_before = oldest_used;
  }
  Cutter::Anchor anchor = state_.cutter.anchor();
  if (anchor.first_slot < first_kept) {
    // The open segment has lost its beginning: it begins anew at the first slot that is left.
    anchor.first_slot = first_kept;
    state_.cutter = Cutter{state_.cutter.generation(), state_.channel_segment_duration, anchor};
    add_all(timeline, now);
    set_head();
  }
  if (state_.published->cuts.empty()) set_head();
}

bool EndpointDraft::is_changed() const {
  return change_.head.has_value() || !change_.generations.empty() || !change_.cuts.empty() ||
         !change_.rates.empty() || change_.drop_rates_before > 0 || change_.drop_cuts_before > 0 ||
         change_.drop_generations_before > 0;
}

void EndpointDraft::record(const Cut& cut) {
  edit().cuts.push_back(cut);
  change_.cuts.push_back(cut);
}

// The cutter fixes target_duration and start with its first cut, and may begin a generation of its own (S6),
// having fixed those of the one before by the same slot.
void EndpointDraft::take_over_generation() {
  if (const auto& ended = state_.cutter.ended_generation()) take_over(*ended);
  take_over(state_.cutter.generation());
}

void EndpointDraft::take_over(const Generation& now) {
  const Generation known = state_.published->generations.back();
  if (known == now) return;
  if (known.number == now.number) {
    edit().generations.back() = now;
  } else {
    edit().generations.push_back(now);
  }
  std::erase_if(change_.generations, [&](const Generation& g) { return g.number == now.number; });
  change_.generations.push_back(now);
  if (known.number != now.number) set_head();
}

void EndpointDraft::set_head() {
  change_.head = StoredEndpoint{};
  change_.head->channel_segment_duration = state_.channel_segment_duration;
  change_.head->last_generation = state_.cutter.generation().number;
  change_.head->anchor = state_.cutter.anchor();
}

Presentation& EndpointDraft::edit() {
  if (edited_ == nullptr) {
    edited_ = std::make_shared<Presentation>(*state_.published);
    state_.published = edited_;
  }
  return *edited_;
}

StoredEndpoint tombstone(const EndpointState& state) {
  StoredEndpoint head;
  head.removed = true;
  head.channel_segment_duration = state.channel_segment_duration;
  head.last_generation = state.cutter.generation().number;
  head.anchor = state.cutter.anchor();
  return head;
}

}  // namespace tarn::archive
