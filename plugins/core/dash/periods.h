// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"
#include "core/timeline/window.h"

namespace tarn::dash {

// The cuts of one stretch, one generation and one mapping to UTC that a manifest lists.
struct Period {
  const timeline::Stretch* stretch = nullptr;
  std::uint32_t generation = 0;
  const timeline::Anchor* anchor = nullptr;  // none: the mapping that the stretch began with
  Utc start;
  // Media time of `start` where that is not the beginning of the stretch or generation, ticks of the
  // reference track.
  std::optional<std::int64_t> start_time;
  timeline::CutRange cuts;  // oldest first; refers to the presentation

  [[nodiscard]] std::string id() const;  // "p3g1", "p3g1a250" from an anchor on
  // Media time of `start`, ticks of the track: presentationTimeOffset.
  [[nodiscard]] std::int64_t start_in(timeline::TrackId track) const;
};

// How much of the past is listed (semantics S24).
Microseconds window_of(const timeline::Presentation& presentation, const timeline::OutputSettings& settings);

// Oldest first. A window that is complete from the beginning starts with its first segment.
std::vector<Period> listed_periods(const timeline::Timeline& timeline,
                                   const timeline::Presentation& presentation,
                                   const timeline::OutputSettings& settings, const timeline::Window& window);

}  // namespace tarn::dash
