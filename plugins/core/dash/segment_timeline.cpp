// SPDX-License-Identifier: Apache-2.0
#include "core/dash/segment_timeline.h"

#include "core/timeline/output_span.h"

namespace tarn::dash {

std::vector<Run> segment_timeline(const timeline::Timeline& timeline, const Period& period,
                                  timeline::TrackId track, timeline::Content content) {
  std::vector<Run> runs;
  std::int64_t end = 0;
  for (const timeline::Cut& cut : period.cuts) {
    const timeline::TrackSpan span =
        timeline::span_of(timeline, *period.stretch, cut, track, {track}, content);
    if (span.first == nullptr) continue;
    const std::int64_t time = span.first->start;
    const std::int64_t duration = span.last->start + span.last->duration - time;
    const bool joins = !runs.empty() && time == end;
    end = time + duration;
    if (joins && runs.back().duration == duration) {
      ++runs.back().repeat;
    } else {
      runs.push_back({time, duration, 0, joins});
    }
  }
  return runs;
}

}  // namespace tarn::dash
