// SPDX-License-Identifier: Apache-2.0
#include "ingest/leading_pictures.h"

#include <utility>

#include "core/codecs/open_gop.h"
#include "gstkit/event_messages.h"
#include "gstkit/map.h"
#include "gstkit/memory.h"
#include "gstkit/time.h"

namespace tarn::ingest {
namespace {

using gstkit::Ref;

bool opens_with_leading(GstBuffer* sync, const codecs::StreamInfo& info) {
  if (GST_BUFFER_FLAG_IS_SET(sync, GST_BUFFER_FLAG_DELTA_UNIT) || !GST_BUFFER_PTS_IS_VALID(sync))
    return false;
  const gstkit::BufferMap map{sync};
  return map.ok() && codecs::has_open_leading(info, map.bytes());
}

std::vector<codecs::EventMessage> moved_events(GstBuffer* from, GstBuffer* to, std::uint32_t timescale) {
  std::vector<codecs::EventMessage> events = gstkit::events_of(from);
  const std::int64_t later =
      gstkit::to_ticks(GST_BUFFER_PTS(from), timescale) - gstkit::to_ticks(GST_BUFFER_PTS(to), timescale);
  for (codecs::EventMessage& event : events) event.delta += later;
  return events;
}

// `kept` lasts as long as both, and says what `dropped` says.
Ref<GstBuffer> take_in(Ref<GstBuffer> kept, GstBuffer* dropped, std::uint32_t timescale) {
  kept = gstkit::writable(std::move(kept));
  if (GST_BUFFER_DURATION_IS_VALID(kept.get()) && GST_BUFFER_DURATION_IS_VALID(dropped))
    GST_BUFFER_DURATION(kept.get()) += GST_BUFFER_DURATION(dropped);
  const auto said = moved_events(dropped, kept.get(), timescale);
  if (said.empty()) return kept;
  std::vector<codecs::EventMessage> all = gstkit::events_of(kept.get());
  all.insert(all.end(), said.begin(), said.end());
  gstkit::attach_events(kept.get(), all);
  return kept;
}

Ref<GstBuffer> with_broken_link(Ref<GstBuffer> sync, const codecs::StreamInfo& info) {
  if (info.codec != codecs::Codec::hevc) return sync;
  const gstkit::BufferMap map{sync.get()};
  ByteVector bytes{map.bytes().begin(), map.bytes().end()};
  codecs::break_link(info, bytes);
  auto own = gstkit::buffer_of(Blob::of(std::move(bytes)));
  constexpr auto all_but_memory = static_cast<GstBufferCopyFlags>(
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_META);
  gst_buffer_copy_into(own.get(), sync.get(), all_but_memory, 0, static_cast<gsize>(-1));
  return own;
}

}  // namespace

std::size_t detach_gop(std::vector<Ref<GstBuffer>>& gop, const codecs::StreamInfo& info) {
  if (gop.empty() || !opens_with_leading(gop.front().get(), info)) return 0;
  const GstClockTime shown = GST_BUFFER_PTS(gop.front().get());
  std::vector<Ref<GstBuffer>> kept;
  for (auto& buffer : gop) {
    const bool leads = GST_BUFFER_PTS_IS_VALID(buffer.get()) && GST_BUFFER_PTS(buffer.get()) < shown;
    if (leads) {
      kept.back() = take_in(std::move(kept.back()), buffer.get(), info.timescale);
    } else {
      kept.push_back(std::move(buffer));
    }
  }
  kept.front() = with_broken_link(std::move(kept.front()), info);
  const std::size_t dropped = gop.size() - kept.size();
  gop = std::move(kept);
  return dropped;
}

}  // namespace tarn::ingest
