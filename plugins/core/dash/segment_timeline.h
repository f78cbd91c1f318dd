// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/dash/periods.h"
#include "core/timeline/timeline.h"

namespace tarn::dash {

// S elements of a SegmentTimeline (ISO/IEC 23009-1 5.3.9.6): `repeat` further segments of the same duration
// follow the first one without a gap.
struct Run {
  std::int64_t time = 0;
  std::int64_t duration = 0;
  std::uint64_t repeat = 0;
  bool joins = false;  // begins where the run before it ends
};

// A cut counts from its first to its last chunk of the track; one without any is a hole between runs.
std::vector<Run> segment_timeline(const timeline::Timeline& timeline, const Period& period,
                                  timeline::TrackId track, timeline::Content content);

}  // namespace tarn::dash
