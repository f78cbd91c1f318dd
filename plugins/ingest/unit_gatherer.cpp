// SPDX-License-Identifier: Apache-2.0
#include "ingest/unit_gatherer.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "gstkit/time.h"

namespace tarn::ingest {
namespace {

using gstkit::Ref;

// A stream without sync samples is cut all the same, so that no gathering is endless.
constexpr std::size_t max_gathered = 5'000;

GstClockTime decode_time(const GstBuffer* buffer) {
  return GST_BUFFER_DTS_IS_VALID(buffer) ? GST_BUFFER_DTS(buffer) : GST_BUFFER_PTS(buffer);
}
// Of the sizes and the last bytes of the access units: two encodes of the same pictures never agree in them
// for a whole GOP, and what encoders write about themselves (SEI) comes before the slices. Never 0.
std::uint64_t digest_of(const std::vector<Ref<GstBuffer>>& buffers) {
  constexpr std::uint64_t offset = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  constexpr std::uint64_t prime = 0x100000001b3;
  std::uint64_t digest = offset;
  const auto add = [&](std::uint64_t value) { digest = (digest ^ value) * prime; };
  for (const auto& buffer : buffers) {
    const gsize size = gst_buffer_get_size(buffer.get());
    std::array<std::uint64_t, 2> tail{};
    gst_buffer_extract(buffer.get(), size - std::min<gsize>(size, sizeof tail), tail.data(), sizeof tail);
    add(size);
    for (const std::uint64_t part : tail) add(part);
  }
  return digest | 1U;
}

bool is_sync(const GstBuffer* buffer) { return !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT); }

}  // namespace

UnitGatherer::UnitGatherer(const codecs::StreamInfo& info)
    : is_video_(codecs::kind_of(info.codec) == codecs::Kind::video),
      is_text_(codecs::kind_of(info.codec) == codecs::Kind::text),
      timescale_(info.timescale) {}

std::optional<timeline::Unit> UnitGatherer::unit_of(std::vector<Ref<GstBuffer>> buffers) {
  if (buffers.empty()) return std::nullopt;
  const GstBuffer* first = buffers.front().get();
  const GstBuffer* last = buffers.back().get();
  timeline::Unit unit;
  unit.start = gstkit::to_ticks(decode_time(first), timescale_);
  const std::int64_t last_start = gstkit::to_ticks(decode_time(last), timescale_);
  if (GST_BUFFER_DURATION_IS_VALID(last))
    last_duration_ = gstkit::to_ticks(GST_BUFFER_DURATION(last), timescale_);
  unit.duration = last_start - unit.start + last_duration_;
  unit.sync = !is_video_ || is_sync(first);
  if (is_video_ && GST_BUFFER_PTS_IS_VALID(first))
    unit.lead = gstkit::to_ticks(GST_BUFFER_PTS(first), timescale_) - unit.start;
  if (!is_text_) unit.digest = digest_of(buffers);
  unit.payload = std::make_shared<UnitPayload>(UnitPayload{.buffers = std::move(buffers),
                                                           .start = unit.start,
                                                           .duration = unit.duration,
                                                           .timescale = timescale_});
  return unit;
}

std::optional<timeline::Unit> UnitGatherer::add(Ref<GstBuffer> buffer) {
  if (!GST_CLOCK_TIME_IS_VALID(decode_time(buffer.get()))) {
    ++dropped_;
    return std::nullopt;
  }
  if (!is_video_) {
    std::vector<Ref<GstBuffer>> frame;
    frame.push_back(std::move(buffer));
    return unit_of(std::move(frame));
  }
  std::optional<timeline::Unit> complete;
  if (is_sync(buffer.get()) || gathered_.size() >= max_gathered) {
    complete = flush();
    if (complete) {  // the next GOP's start says exactly how long this one is
      const std::int64_t next = gstkit::to_ticks(decode_time(buffer.get()), timescale_);
      if (next > complete->start) complete->duration = next - complete->start;
    }
  }
  gathered_.push_back(std::move(buffer));
  return complete;
}

std::optional<timeline::Unit> UnitGatherer::add_gop(GstBufferList* list) {
  const guint count = gst_buffer_list_length(list);
  std::vector<Ref<GstBuffer>> buffers;
  buffers.reserve(count);
  for (guint i = 0; i < count; ++i) {
    GstBuffer* buffer = gst_buffer_list_get(list, i);
    if (GST_CLOCK_TIME_IS_VALID(decode_time(buffer))) {
      buffers.push_back(Ref<GstBuffer>::share(buffer));
    } else {
      ++dropped_;
    }
  }
  return unit_of(std::move(buffers));
}

std::optional<timeline::Unit> UnitGatherer::flush() { return unit_of(std::exchange(gathered_, {})); }

}  // namespace tarn::ingest
