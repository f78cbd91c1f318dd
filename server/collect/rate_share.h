// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>

#include "core/base/time.h"

namespace tarn::server {

// A share of disk and network that all tasks have together. Thread-safe.
class RateShare {
 public:
  explicit RateShare(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}
  // How long to wait before `bytes` may go; they count from now on.
  Microseconds take(std::uint64_t bytes, Monotonic now);

 private:
  const std::uint64_t rate_;  // 0: no limit
  std::mutex mutex_;
  Monotonic free_{};  // when all that was taken has gone
};

}  // namespace tarn::server
