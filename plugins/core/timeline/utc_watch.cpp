// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/utc_watch.h"

#include <algorithm>
#include <utility>

namespace tarn::timeline {

void UtcWatch::observe(const Segment& segment, Microseconds tolerance) {
  const std::optional<Utc> before = std::exchange(last_arrival_, segment.arrival);
  if (segment.behind <= tolerance) return reset();
  if (!segment.is_dated && before && segment.arrival - *before < segment.length / 2) return;
  least_ = seen_ == 0 ? segment.behind : std::min(least_, segment.behind);
  if (seen_ < segments && ++seen_ == segments) from_ = segment.end;
}

std::optional<Microseconds> UtcWatch::due(std::int64_t start) const {
  if (seen_ < segments || start < from_) return std::nullopt;
  return least_;
}

}  // namespace tarn::timeline
