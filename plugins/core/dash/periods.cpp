// SPDX-License-Identifier: Apache-2.0
#include "core/dash/periods.h"

#include <algorithm>

#include "core/timeline/output_span.h"

namespace tarn::dash {
namespace {

using timeline::Cut;
using timeline::Presentation;
using timeline::Stretch;
using timeline::Timeline;

// Where the newest of these began: the stretch, its mapping to UTC, the generation.
Utc start_of_period(const Presentation& presentation, const Stretch& stretch, std::uint32_t number,
                    const timeline::Anchor* anchor) {
  const timeline::Generation* generation = presentation.find_generation(number);
  const Utc start = anchor == nullptr ? stretch.start : anchor->utc;
  // The first one has no Period before it, although the stretch may be older than the endpoint.
  if (generation == nullptr || number == 1) return start;
  if (generation->from_slot <= (anchor == nullptr ? stretch.first_slot : anchor->slot)) return start;
  return generation->start;
}

}  // namespace

std::string Period::id() const {
  const std::string id = "p" + std::to_string(stretch->id) + "g" + std::to_string(generation);
  return anchor == nullptr ? id : id + "a" + std::to_string(anchor->slot);
}

std::int64_t Period::start_in(timeline::TrackId track) const {
  if (start_time) {
    return rescale(*start_time, timeline::timescale_of(*stretch, stretch->reference),
                   timeline::timescale_of(*stretch, track));
  }
  const std::uint32_t scale = timeline::timescale_of(*stretch, track);
  if (anchor != nullptr) {
    return rescale(anchor->time, timeline::timescale_of(*stretch, stretch->reference), scale) +
           rescale((start - anchor->utc).count(), 1'000'000, scale);
  }
  return stretch->start_in(track) + rescale((start - stretch->start).count(), 1'000'000, scale);
}

Microseconds window_of(const Presentation& presentation, const timeline::OutputSettings& settings) {
  std::uint32_t segment = settings.segment_duration;
  if (!presentation.generations.empty()) {
    segment = std::max(segment, presentation.generations.back().target_duration);
  }
  return std::chrono::seconds{
      std::max(settings.manifest_window, settings.suggested_presentation_delay + 2 * segment)};
}

std::vector<Period> listed_periods(const Timeline& timeline, const Presentation& presentation,
                                   const timeline::OutputSettings& settings, const timeline::Window& window) {
  const std::size_t end_of_window = std::min(window.end, presentation.cuts.size());
  std::size_t first = end_of_window;
  Utc oldest = Utc::min();
  for (; first > window.first.value_or(0); --first) {
    const Cut cut = presentation.cuts[first - 1];
    const Stretch* stretch = timeline.stretch(cut.stretch);
    if (stretch == nullptr || timeline.find(cut.first_slot) == nullptr) break;
    const Utc end = timeline::end_of(timeline, *stretch, cut);
    if (first == end_of_window && !window.first) oldest = end - window_of(presentation, settings);
    if (end <= oldest) break;
  }
  std::vector<Period> periods;
  for (std::size_t i = first; i < end_of_window; ++i) {
    const Cut cut = presentation.cuts[i];
    const Stretch* stretch = timeline.stretch(cut.stretch);
    const timeline::Anchor* anchor = timeline.anchor_of(*stretch, cut.first_slot);
    const bool goes_on = !periods.empty() && periods.back().stretch == stretch &&
                         periods.back().generation == cut.generation && periods.back().anchor == anchor;
    if (!goes_on) {
      const Utc start = start_of_period(presentation, *stretch, cut.generation, anchor);
      periods.push_back({stretch, cut.generation, anchor, start, {}, {presentation.cuts, i, 0}});
    }
    periods.back().cuts.extend();
  }
  if (window.kind == timeline::Window::Kind::vod && !periods.empty()) {
    const auto slot = timeline.find(presentation.cuts[first].first_slot);
    periods.front().start = slot->utc;
    periods.front().start_time = slot->start;
  }
  return periods;
}

}  // namespace tarn::dash
