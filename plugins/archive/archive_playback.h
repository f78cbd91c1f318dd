// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "archive/archive_range.h"
#include "core/base/result.h"
#include "core/timeline/timeline.h"

namespace tarn {

// What an archivesrc plays by itself: slots of a range one after the other, from where a seek has put it to
// where that ends. Stream time is that of the range. Not thread-safe.
class ArchivePlayback {
 public:
  // By how much later than its slot begins the first picture of a slot is shown.
  using Lead = std::function<GstClockTime(std::uint64_t slot)>;

  ArchivePlayback(ArchiveRange range, std::vector<timeline::TrackId> tracks);

  // invalid: no stretch of the range has one of the tracks.
  [[nodiscard]] Status check_tracks() const;
  // Whether a source of this kind can be sought so, wherever it is: forward, in time.
  static bool can_seek(GstEvent* event);
  // Goes to where the event says. REQUIRES: can_seek(event)
  void seek(GstEvent* event, const Lead& lead);

  [[nodiscard]] const ArchiveRange& range() const { return range_; }
  [[nodiscard]] const std::vector<timeline::TrackId>& tracks() const { return tracks_; }
  [[nodiscard]] const std::optional<guint32>& seqnum() const { return seqnum_; }
  // What is played, in stream time; `position` is where the next slot begins.
  [[nodiscard]] const GstSegment& whole() const { return whole_; }
  // Where it ends, in stream time.
  [[nodiscard]] GstClockTime stop() const;
  // It ends with SEGMENT_DONE.
  [[nodiscard]] bool is_segment() const { return (whole_.flags & GST_SEGMENT_FLAG_SEGMENT) != 0; }

  [[nodiscard]] bool is_over() const { return next_ >= end_; }
  [[nodiscard]] std::uint64_t next() const { return next_; }
  // The next slot has been played.
  void advance();
  // For the media times of the next slot's stretch, or, when there is none, of the last one's.
  // REQUIRES: the range is not empty
  [[nodiscard]] GstSegment segment() const;

 private:
  [[nodiscard]] GstClockTime snapped(GstClockTime time, GstSeekFlags flags) const;
  [[nodiscard]] std::uint64_t slot_to_begin_with(GstClockTime time, const Lead& lead) const;

  ArchiveRange range_;
  std::vector<timeline::TrackId> tracks_;
  GstSegment whole_{};
  std::uint64_t next_;  // slot
  std::uint64_t end_;
  std::optional<guint32> seqnum_{};  // of the seek
};

}  // namespace tarn
