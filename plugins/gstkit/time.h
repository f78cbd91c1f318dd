// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>

#include "core/base/time.h"

// Ticks of a track become nanoseconds between elements. Rounding to nearest both ways gives the same
// ticks back for every timescale below 10^9.
namespace tarn::gstkit {

// REQUIRES: ticks >= 0 (media times are unwrapped so that none is negative)
inline GstClockTime to_clock_time(std::int64_t ticks, std::uint32_t timescale) {
  return static_cast<GstClockTime>(rescale(ticks, timescale, 1'000'000'000));
}

// REQUIRES: GST_CLOCK_TIME_IS_VALID(time)
inline std::int64_t to_ticks(GstClockTime time, std::uint32_t timescale) {
  return rescale(static_cast<std::int64_t>(time), 1'000'000'000, timescale);
}

inline Monotonic to_monotonic(GstClockTime time) {
  return Monotonic{Microseconds{static_cast<std::int64_t>(time / 1000)}};
}
inline GstClockTime to_clock_time(Monotonic time) {
  return static_cast<GstClockTime>(time.time_since_epoch().count()) * 1000;
}

}  // namespace tarn::gstkit
