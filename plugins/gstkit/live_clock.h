// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>

namespace tarn::gstkit {

// What an element that waits for several live streams may expect to have come, as GstAggregator reckons it:
// of running time, what is now less the longest latency that is upstream of its sink pads. Streams may all
// lag behind the clock, though (an application that began late): "now" is then how far the foremost has come.
// Thread-safe; asks upstream without a lock of its own, so call it without one, too.
class LiveClock {
 public:
  explicit LiveClock(GstElement* element) : element_(element) {}

  struct Reading {
    std::int64_t now = 0;        // running time, nanoseconds
    std::int64_t allowance = 0;  // that a stream may be behind: latency and patience

    // In another clock's times. Nothing: no stream has brought anything.
    [[nodiscard]] std::optional<std::int64_t> due(std::optional<std::int64_t> foremost) const {
      if (!foremost) return std::nullopt;
      return std::min(now, *foremost) - allowance;
    }
  };
  // Nothing: no stream is live, or the element is not PLAYING, or has no clock.
  std::optional<Reading> read(GstClockTime patience);
  // The latency is another one: upstream is asked again.
  void forget();

 private:
  std::optional<GstClockTime> ask() const;

  GstElement* element_;
  std::mutex mutex_;
  std::optional<GstClockTime> latency_;  // of live streams
  GstClockTime asked_at_ = GST_CLOCK_TIME_NONE;
};

}  // namespace tarn::gstkit
