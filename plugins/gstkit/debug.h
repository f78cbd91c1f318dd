// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

namespace tarn::gstkit {

// Bad input is counted always and warned about at most once per second: `if (limiter.due()) GST_WARNING…`.
// One thread at a time.
class WarningLimiter {
 public:
  bool due() {
    const std::int64_t now = g_get_monotonic_time();
    if (last_ && now - *last_ < G_USEC_PER_SEC) return false;
    last_ = now;
    return true;
  }

 private:
  std::optional<std::int64_t> last_;
};

}  // namespace tarn::gstkit
