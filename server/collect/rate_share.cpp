// SPDX-License-Identifier: Apache-2.0
#include "server/collect/rate_share.h"

#include <algorithm>

namespace tarn::server {

Microseconds RateShare::take(std::uint64_t bytes, Monotonic now) {
  if (rate_ == 0) return Microseconds{0};
  const std::lock_guard lock{mutex_};
  const Monotonic begin = std::max(free_, now);
  constexpr double second = 1e6;
  free_ = begin + Microseconds{static_cast<std::int64_t>(static_cast<double>(bytes) * second /
                                                         static_cast<double>(rate_))};
  return begin - now;
}

}  // namespace tarn::server
