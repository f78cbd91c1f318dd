// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <optional>

#include "core/base/time.h"
#include "gstkit/ref.h"

namespace tarn::ingest {

// The element's monotonic time, and one pending deadline on it. Time is that of the element's clock, else
// of the system clock; which one is settled at the first question after start() and kept until stop(), so
// that it never jumps. The owner serializes all calls.
class DeadlineTimer {
 public:
  using Expired = void (*)(GstElement*);

  // `expired` is called on a thread of GStreamer's pool, once a deadline, perhaps early, perhaps after
  // stop().
  DeadlineTimer(GstElement* element, Expired expired) : element_(element), expired_(expired) {}

  [[nodiscard]] Monotonic now();
  void arm(std::optional<Monotonic> deadline);
  void stop();

 private:
  void disarm();

  GstElement* element_;
  Expired expired_;
  gstkit::Ref<GstClock> clock_;
  gstkit::Ref<gstkit::ClockEntry> entry_;
  std::optional<Monotonic> armed_;
};

}  // namespace tarn::ingest
