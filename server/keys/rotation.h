// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/base/time.h"
#include "core/timeline/key_periods.h"

// When the keys of which period are asked for: pure. Keys have to be there before anything of their period
// is: what was published under the keys of the period before keeps them, so keys that come late are of no use
// for it any more (faults D2: the last ones go on), and those of the next period are asked for instead.
namespace tarn::server {

// The first moment that nothing was published of, nor will be while an answer is taken in. `edge`: the end
// of the newest content, which may be ahead of the clock.
inline Utc first_open_moment(Utc now, Utc edge) {
  constexpr Microseconds taking_in = std::chrono::seconds{2};
  return std::max(now, edge) + taking_in;
}

inline bool is_in_time(std::uint32_t length, std::uint64_t period, Utc open) {
  return timeline::start_of_key_period(length, period) >= open;
}

// `newest`: the last period whose keys are there; none: there never were any, and what is there needs some.
// `spread`: how long after a bound the next period's are due, so that not all endpoints ask at once.
inline std::optional<std::uint64_t> due_key_period(std::uint32_t length, std::optional<std::uint64_t> newest,
                                                   Utc now, Utc edge, Microseconds spread) {
  if (!newest) return timeline::key_period_at(length, now);
  const Utc open = first_open_moment(now, edge);
  const std::uint64_t begun = timeline::key_period_at(length, open);
  if (*newest > begun) return std::nullopt;
  if (*newest == begun && open - timeline::start_of_key_period(length, begun) < spread) return std::nullopt;
  return begun + 1;
}

}  // namespace tarn::server
