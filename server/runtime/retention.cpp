// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/retention.h"

#include <algorithm>

namespace tarn::server {
namespace {

// For what is decided between a request and its answer, and for caches on the way.
constexpr std::chrono::seconds slack{60};

// What is at the end of a window when it is listed last is as old as the window.
Microseconds kept_for(Microseconds window, Microseconds segment) { return window * 2 + segment + slack; }

}  // namespace

Microseconds live_retention(Microseconds segment, std::uint32_t segments) {
  return kept_for(segment * segments, segment);
}

Microseconds live_retention(const timeline::OutputSettings& output,
                            const timeline::Presentation* presentation) {
  std::uint32_t longest = output.segment_duration;
  if (presentation != nullptr) {
    for (const auto& generation : presentation->generations) {
      longest = std::max(longest, generation.target_duration);
    }
  }
  const std::chrono::seconds segment{longest};
  if (output.protocol != timeline::Protocol::dash) return live_retention(segment, output.segments);
  // As manifests have it (semantics S24).
  const std::chrono::seconds delay{output.suggested_presentation_delay};
  const Microseconds window =
      std::max<Microseconds>(std::chrono::seconds{output.manifest_window}, delay + segment * 2);
  return std::max(kept_for(window + delay, segment), live_retention(segment, output.segments));
}

Utc ContentClock::at(std::uint64_t slot, Utc newest, Monotonic now, Utc wall) {
  constexpr Microseconds patience = std::chrono::minutes{10};
  if (slot_ != slot) {
    is_of_earlier_process_ = !slot_;
    slot_ = slot;
    base_ = newest;
    since_ = now;
  }
  if (!is_of_earlier_process_) return base_ + (now - since_);
  if (now - since_ < patience) return newest;
  is_of_earlier_process_ = false;
  base_ = std::max(newest, wall);
  since_ = now;
  return base_;
}

void KeptDays::set(std::uint32_t days, Monotonic now) {
  constexpr Microseconds grace = std::chrono::hours{1};
  if (is_set_ && days < at(now)) {
    before_ = at(now);
    until_ = now + grace;
  }
  is_set_ = true;
  days_ = days;
}

}  // namespace tarn::server
