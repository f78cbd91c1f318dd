// SPDX-License-Identifier: Apache-2.0
#include "package/chunk_builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/isobmff/event_message.h"
#include "gstkit/time.h"

namespace tarn::package {
namespace {

std::uint32_t as_duration(std::int64_t ticks) {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ticks, 0, most));
}

}  // namespace

bool ChunkBuilder::add(GstBuffer* unit, const UnitTimes& times, bool sync,
                       std::span<const codecs::EventMessage> events) {
  auto& samples = chunk_.samples;
  if (samples.empty()) {
    chunk_.base_media_decode_time = times.dts;
    first_dts_ = GST_BUFFER_DTS(unit);
    first_pts_ = GST_BUFFER_PTS(unit);
  } else {
    if (times.dts < last_dts_) return false;
    samples.back().duration = as_duration(times.dts - last_dts_);
    last_duration_ = samples.back().duration;
  }
  last_dts_ = times.dts;
  if (times.duration) last_duration_ = *times.duration;
  samples.push_back({.size = static_cast<std::uint32_t>(gst_buffer_get_size(unit)),
                     .duration = as_duration(last_duration_),
                     .composition_offset = static_cast<std::int32_t>(times.pts - times.dts),
                     .sync = sync});
  payload_.add(unit);
  for (const codecs::EventMessage& event : events) {
    // What was over before the timeline began has no place on it.
    const std::int64_t time = times.pts + event.delta;
    if (time >= 0) isobmff::append_event_box(chunk_.events, event, timescale_, time);
  }
  return true;
}

gstkit::Ref<GstBuffer> ChunkBuilder::finish(std::uint32_t sequence_number,
                                            std::optional<std::int64_t> next_dts) {
  auto& last = chunk_.samples.back();
  if (next_dts && *next_dts > last_dts_) last.duration = as_duration(*next_dts - last_dts_);
  chunk_.sequence_number = sequence_number;
  auto buffer = gstkit::buffer_of_spans(Blob::of(isobmff::write_chunk_header(chunk_)), payload_.take());

  GST_BUFFER_DTS(buffer.get()) = first_dts_;
  GST_BUFFER_PTS(buffer.get()) = first_pts_;
  const std::int64_t duration = last_dts_ + last.duration - chunk_.base_media_decode_time;
  GST_BUFFER_DURATION(buffer.get()) = gstkit::to_clock_time(duration, timescale_);
  if (!chunk_.samples.front().sync) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);

  last_duration_ = last.duration;  // a later unit without a duration is taken to be as long
  chunk_.samples.clear();
  chunk_.events.clear();
  return buffer;
}

}  // namespace tarn::package
