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

Utc start_of_period(const Presentation& presentation, const Stretch& stretch, std::uint32_t number) {
  const timeline::Generation* generation = presentation.find_generation(number);
  // The first one has no Period before it, although the stretch may be older than the endpoint.
  if (generation == nullptr || number == 1) return stretch.start;
  if (generation->from_slot <= stretch.first_slot) return stretch.start;
  return generation->start;
}

}  // namespace

std::string Period::id() const {
  return "p" + std::to_string(stretch->id) + "g" + std::to_string(generation);
}

std::int64_t Period::start_in(timeline::TrackId track) const {
  if (start_time) {
    return rescale(*start_time, timeline::timescale_of(*stretch, stretch->reference),
                   timeline::timescale_of(*stretch, track));
  }
  return stretch->start_in(track) +
         rescale((start - stretch->start).count(), 1'000'000, timeline::timescale_of(*stretch, track));
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
  std::vector<const Cut*> listed;
  Utc oldest = Utc::min();
  for (std::size_t i = std::min(window.end, presentation.cuts.size()); i > window.first.value_or(0);) {
    const Cut& cut = presentation.cuts[--i];
    const Stretch* stretch = timeline.stretch(cut.stretch);
    if (stretch == nullptr || timeline.find(cut.first_slot) == nullptr) break;
    const Utc end = timeline::end_of(timeline, *stretch, cut);
    if (listed.empty() && !window.first) oldest = end - window_of(presentation, settings);
    if (end <= oldest) break;
    listed.push_back(&cut);
  }
  std::vector<Period> periods;
  for (auto cut = listed.rbegin(); cut != listed.rend(); ++cut) {
    const bool goes_on = !periods.empty() && periods.back().stretch->id == (*cut)->stretch &&
                         periods.back().generation == (*cut)->generation;
    if (!goes_on) {
      const Stretch* stretch = timeline.stretch((*cut)->stretch);
      const Utc start = start_of_period(presentation, *stretch, (*cut)->generation);
      periods.push_back({stretch, (*cut)->generation, start, {}, {}});
    }
    periods.back().cuts.push_back(*cut);
  }
  if (window.kind == timeline::Window::Kind::vod && !periods.empty()) {
    const timeline::Slot* slot = timeline.find(listed.back()->first_slot);
    periods.front().start = slot->utc;
    periods.front().start_time = slot->start;
  }
  return periods;
}

}  // namespace tarn::dash
