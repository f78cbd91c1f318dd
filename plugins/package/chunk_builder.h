// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <span>

#include "core/codecs/event_message.h"
#include "core/isobmff/cmaf.h"
#include "gstkit/memory.h"
#include "gstkit/ref.h"

namespace tarn::package {

// Times of an access unit in ticks of its track.
struct UnitTimes {
  std::int64_t dts = 0;
  std::int64_t pts = 0;
  std::optional<std::int64_t> duration;
};

// Gathers the access units of one CMAF chunk and puts moof and mdat header in front of their bytes,
// which it shares and does not copy.
class ChunkBuilder {
 public:
  explicit ChunkBuilder(std::uint32_t timescale) : timescale_(timescale) {}

  // False, and nothing is taken, when decode times go back. A unit's duration is the distance to the
  // next one's decode time; its own `duration` counts for the last one only.
  // `events` were said with the unit (ISO/IEC 23000-19 7.4.5).
  bool add(GstBuffer* unit, const UnitTimes& times, bool sync,
           std::span<const codecs::EventMessage> events = {});

  [[nodiscard]] bool empty() const { return chunk_.samples.empty(); }
  [[nodiscard]] std::size_t count() const { return chunk_.samples.size(); }
  [[nodiscard]] std::size_t size_bytes() const { return payload_.size_bytes(); }
  [[nodiscard]] std::int64_t start() const { return chunk_.base_media_decode_time; }
  // Decode time after the last unit, as far as it is known.
  [[nodiscard]] std::int64_t end() const { return last_dts_ + last_duration_; }

  // The chunk; the builder is empty again. `next_dts`, when known, fixes the last unit's duration.
  // REQUIRES: !empty()
  gstkit::Ref<GstBuffer> finish(std::uint32_t sequence_number, std::optional<std::int64_t> next_dts = {});

 private:
  std::uint32_t timescale_;
  isobmff::ChunkHeader chunk_;
  gstkit::PayloadSpans payload_;
  std::int64_t last_dts_ = 0;
  std::int64_t last_duration_ = 0;
  GstClockTime first_dts_ = GST_CLOCK_TIME_NONE;
  GstClockTime first_pts_ = GST_CLOCK_TIME_NONE;
};

}  // namespace tarn::package
