// SPDX-License-Identifier: Apache-2.0
#include "ingest/deadline_timer.h"

#include <algorithm>

#include "gstkit/time.h"

namespace tarn::ingest {
namespace {

using gstkit::ClockEntry;
using gstkit::Ref;

// A deadline that has passed already is not waited for more often than this.
constexpr Microseconds shortest_wait{1000};

// What a clock entry keeps alive.
struct Waiting {
  Ref<GstElement> element;
  DeadlineTimer::Expired expired;
};

}  // namespace

Monotonic DeadlineTimer::now() {
  if (!clock_) clock_ = Ref<GstClock>::adopt(gst_element_get_clock(element_));
  if (!clock_) clock_ = Ref<GstClock>::adopt(gst_system_clock_obtain());
  return gstkit::to_monotonic(gst_clock_get_time(clock_.get()));
}

void DeadlineTimer::arm(std::optional<Monotonic> deadline) {
  if (!deadline) return disarm();
  const Monotonic current = now();
  if (armed_ && *armed_ <= *deadline && *armed_ > current) return;  // wakes in time, and is set anew then
  disarm();
  armed_ = std::max(*deadline, current + shortest_wait);
  entry_ = Ref<ClockEntry>::adopt(
      static_cast<ClockEntry*>(gst_clock_new_single_shot_id(clock_.get(), gstkit::to_clock_time(*armed_))));
  auto* waiting = new Waiting{Ref<GstElement>::share(element_), expired_};
  const auto on_time = [](GstClock*, GstClockTime, GstClockID, gpointer data) -> gboolean {
    const auto* w = static_cast<const Waiting*>(data);
    // The clock's own thread must not be kept: other elements wait on it.
    gst_element_call_async(
        w->element.get(), [](GstElement* element, gpointer e) { reinterpret_cast<Expired>(e)(element); },
        reinterpret_cast<gpointer>(w->expired), nullptr);
    return TRUE;
  };
  gst_clock_id_wait_async(entry_.get(), on_time, waiting,
                          [](gpointer data) { delete static_cast<Waiting*>(data); });
}

void DeadlineTimer::disarm() {
  if (entry_) gst_clock_id_unschedule(entry_.get());
  entry_ = {};
  armed_.reset();
}

void DeadlineTimer::stop() {
  disarm();
  clock_ = {};
}

}  // namespace tarn::ingest
