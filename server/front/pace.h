// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/time.h"

namespace tarn::server::front {

// A least rate that forgives pauses: every byte buys time, of which no more than the grace is ever kept.
class Pace {
 public:
  Pace(std::uint64_t bytes_per_second, Microseconds grace) : rate_(bytes_per_second), grace_(grace) {}

  void begin(Monotonic now) { deadline_ = now + grace_; }
  void add(std::uint64_t bytes, Monotonic now) {
    constexpr std::uint64_t second = 1'000'000;
    // so many bytes buy the whole grace, whatever was left of it
    const auto full = static_cast<std::uint64_t>(grace_.count()) * rate_ / second;
    if (rate_ == 0 || bytes > full) {
      deadline_ = now + grace_;
      return;
    }
    const Microseconds bought{static_cast<std::int64_t>(bytes * second / rate_)};
    deadline_ = std::min(deadline_ + bought, now + grace_);
  }
  [[nodiscard]] Monotonic deadline() const { return deadline_; }

 private:
  std::uint64_t rate_;
  Microseconds grace_;
  Monotonic deadline_{};
};

}  // namespace tarn::server::front
