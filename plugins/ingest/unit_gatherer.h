// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <optional>
#include <vector>

#include "core/codecs/stream_info.h"
#include "core/timeline/merger.h"
#include "gstkit/ref.h"

namespace tarn::ingest {

// What a merger unit carries: the buffers of a GOP, or one audio frame, and the times they came with.
struct UnitPayload {
  std::vector<gstkit::Ref<GstBuffer>> buffers;
  std::int64_t start = 0;  // ticks of the track
  std::int64_t duration = 0;
  std::uint32_t timescale = 1;
};

// Makes merger units of one track's buffers. A list of video is one GOP; single video buffers are
// gathered until the next sync sample; every audio buffer is a unit. Buffers without a time are dropped.
class UnitGatherer {
 public:
  explicit UnitGatherer(const codecs::StreamInfo& info);

  // The unit that `buffer` completes: itself (audio), or the GOP before it (video).
  std::optional<timeline::Unit> add(gstkit::Ref<GstBuffer> buffer);
  // Video: the GOP that a list is. REQUIRES: is_video()
  std::optional<timeline::Unit> add_gop(GstBufferList* list);
  // The GOP gathered so far, which nothing will continue.
  std::optional<timeline::Unit> flush();

  [[nodiscard]] bool is_video() const { return is_video_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  [[nodiscard]] std::optional<timeline::Unit> unit_of(std::vector<gstkit::Ref<GstBuffer>> buffers);

  bool is_video_;
  bool is_text_;
  std::uint32_t timescale_;
  std::int64_t last_duration_ = 0;  // of a buffer, for one that does not say its own
  std::vector<gstkit::Ref<GstBuffer>> gathered_;
  std::uint64_t dropped_ = 0;
};

}  // namespace tarn::ingest
