// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "core/timeline/timeline.h"

namespace tarn {

// Slots [first, end) of a timeline as one programme that begins at stream time 0. What follows an outage or a
// discontinuity follows without a gap. Times are nanoseconds; thread-safe, it never changes.
class ArchiveRange {
 public:
  // Clamped to what is kept.
  ArchiveRange(std::shared_ptr<const timeline::Timeline> timeline, std::uint64_t first, std::uint64_t end);

  [[nodiscard]] const timeline::Timeline& timeline() const { return *timeline_; }
  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] GstClockTime duration() const { return time_of(end_); }
  // Stream time at which the slot begins; of end(): the duration. REQUIRES: first() <= slot <= end()
  [[nodiscard]] GstClockTime time_of(std::uint64_t slot) const;
  // The slot in which a stream time lies; end() where that is the duration or later.
  [[nodiscard]] std::uint64_t slot_at(GstClockTime time) const;
  // Media time at which the slot begins. REQUIRES: first() <= slot < end()
  [[nodiscard]] GstClockTime media_time_of(std::uint64_t slot) const;
  // The slots of the range that are in the slot's stretch: half open. REQUIRES: first() <= slot < end()
  struct Stretch {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };
  [[nodiscard]] Stretch stretch_of(std::uint64_t slot) const;

 private:
  // The slots of the range that a stretch has.
  struct Part {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::int64_t start = 0;       // of the first slot, ticks of the reference track
    std::uint32_t timescale = 1;  // its
  };
  [[nodiscard]] GstClockTime length(const Part& part, std::uint64_t end) const;
  template <class Visit>
  void each_part(Visit visit) const;  // until it gives false

  std::shared_ptr<const timeline::Timeline> timeline_;
  std::uint64_t first_;
  std::uint64_t end_;
};

}  // namespace tarn
