// SPDX-License-Identifier: Apache-2.0
#include "gstkit/live_clock.h"

#include <algorithm>

#include "gstkit/ref.h"

namespace tarn::gstkit {
namespace {

// Encoders know their latency when they have seen their first picture, which not every application passes on.
constexpr GstClockTime asks_again = GST_SECOND;

}  // namespace

void LiveClock::forget() {
  const std::lock_guard lock{mutex_};
  asked_at_ = GST_CLOCK_TIME_NONE;
}

std::optional<GstClockTime> LiveClock::ask() const {
  std::optional<GstClockTime> longest;
  gst_element_foreach_sink_pad(
      element_,
      [](GstElement*, GstPad* pad, gpointer data) -> gboolean {
        auto* most = static_cast<std::optional<GstClockTime>*>(data);
        const auto query = Ref<GstQuery>::adopt(gst_query_new_latency());
        if (gst_pad_peer_query(pad, query.get()) == FALSE) return TRUE;
        gboolean is_live = FALSE;
        GstClockTime least = 0;
        gst_query_parse_latency(query.get(), &is_live, &least, nullptr);
        if (is_live != FALSE) *most = std::max(most->value_or(0), least);
        return TRUE;
      },
      &longest);
  return longest;
}

std::optional<LiveClock::Reading> LiveClock::read(GstClockTime patience) {
  if (GST_STATE(element_) != GST_STATE_PLAYING) return std::nullopt;
  const auto clock = Ref<GstClock>::adopt(gst_element_get_clock(element_));
  if (!clock) return std::nullopt;
  const GstClockTime now = gst_clock_get_time(clock.get());
  const GstClockTime base = gst_element_get_base_time(element_);
  bool is_stale = false;
  {
    const std::lock_guard lock{mutex_};
    is_stale = !GST_CLOCK_TIME_IS_VALID(asked_at_) || now < asked_at_ || now - asked_at_ >= asks_again;
    if (is_stale) asked_at_ = now;
  }
  if (is_stale) {
    const auto answer = ask();
    const std::lock_guard lock{mutex_};
    latency_ = answer;
  }
  const std::lock_guard lock{mutex_};
  if (!latency_ || now < base) return std::nullopt;
  return Reading{static_cast<std::int64_t>(now - base), static_cast<std::int64_t>(*latency_ + patience)};
}

}  // namespace tarn::gstkit
