// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

namespace tarn::dash {

// The cuts of one stretch and one generation that a manifest lists.
struct Period {
  const timeline::Stretch* stretch = nullptr;
  std::uint32_t generation = 0;
  Utc start;
  std::vector<const timeline::Cut*> cuts;  // oldest first

  [[nodiscard]] std::string id() const;  // "p3g1"
  // Media time of `start`, ticks of the track: presentationTimeOffset.
  [[nodiscard]] std::int64_t start_in(timeline::TrackId track) const;
};

// How much of the past is listed (semantics S24).
Microseconds window_of(const timeline::Presentation& presentation, const timeline::OutputSettings& settings);

// Oldest first.
std::vector<Period> live_periods(const timeline::Timeline& timeline,
                                 const timeline::Presentation& presentation,
                                 const timeline::OutputSettings& settings);

}  // namespace tarn::dash
