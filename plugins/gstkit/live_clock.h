// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <mutex>
#include <optional>

namespace tarn::gstkit {

// What an element that waits for several live streams may expect to have come, as GstAggregator reckons it:
// of running time, what is now less the longest latency that is upstream of its sink pads. Thread-safe; asks
// upstream without a lock of its own, so call it without one, too.
class LiveClock {
 public:
  explicit LiveClock(GstElement* element) : element_(element) {}

  // Running time, nanoseconds, that all streams should have reached, `patience` included. Nothing: no stream
  // is live, or the element is not PLAYING, or has no clock.
  std::optional<std::int64_t> due(GstClockTime patience);
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
