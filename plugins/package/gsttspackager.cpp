// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-tspackager
 * @title: tspackager
 *
 * Turns CMAF chunks into MPEG-2 TS segments that are decodable on their own.
 *
 * | pad | caps |
 * |---|---|
 * | sink (always) | `video/quicktime, variant=cmaf` |
 * | src (always) | `video/mpegts, systemstream=true, packetsize=188, segmented=true` |
 *
 * What comes between the events `tarn/segment-begin` and `tarn/segment-end` becomes one segment, one buffer:
 * the chunks of each track follow its `tarn/track-begin`. Every segment starts its continuity counters at 0
 * and ends them at 15, so that segments can follow each other in any order and on any server. No queue and no
 * thread: the segment leaves on the thread that brings its end.
 *
 * |[
 * gst-launch-1.0 archivesrc location=archive tracks=1,2 ! tspackager ! filesink location=programme.ts
 * ]|
 */
#include "package/gsttspackager.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/event_message.h"
#include "core/mpegts/segment_writer.h"
#include "core/mpegts/splice_info.h"
#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/events.h"
#include "gstkit/memory.h"
#include "gstkit/object.h"

GST_DEBUG_CATEGORY_STATIC(tspackager_debug);
#define GST_CAT_DEFAULT tspackager_debug

namespace tarn {
namespace {

using gstkit::Ref;
using timeline::TrackId;

constexpr char ts_caps[] =
    "video/mpegts, systemstream=(boolean)true, packetsize=(int)188, segmented=(boolean)true";
constexpr std::uint32_t ts_timescale = 90'000;

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                             GST_STATIC_CAPS(gstkit::cmaf_caps_template));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(ts_caps));

class TsPackager {
 public:
  using Shell = TarnTsPackager;

  explicit TsPackager(TarnTsPackager* shell);

  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer);
  GstFlowReturn chain_list(GstPad* pad, GstBufferList* list);
  bool sink_event(GstPad* pad, GstEvent* event);
  GstStateChangeReturn change_state(GstStateChange transition);

 private:
  struct Event {
    std::int64_t begin = 0;  // decode time of the chunk it is in front of, 90 kHz
    std::int64_t time = 0;
    codecs::EventMessage message;
  };
  // One track's share of the segment that is being gathered.
  struct Gathered {
    mpegts::Stream stream;
    std::vector<std::vector<Blob>> chunks;  // keep the samples' bytes mapped
    std::vector<Event> events;
  };
  struct Header {
    Ref<GstCaps> caps;
    gstkit::CmafTrack track;
  };
  struct State {
    std::map<TrackId, Header> headers;  // parsed once, while the track's caps stay the same object
    std::vector<Gathered> segment;
    Status problem;  // the first one of this segment: it is reported when the segment ends
  };

  Status begin_track(const gstkit::TrackBegin& begin);
  Status add(GstBuffer* buffer);
  static std::vector<mpegts::Metadata> metadata_of(const std::vector<Gathered>& tracks);
  static void decode_in_time(std::vector<mpegts::Sample>& samples);
  GstFlowReturn finish();
  void gather(const Status& outcome);

  TarnTsPackager* shell_;
  GstPad* sink_ = nullptr;  // owned by the element
  GstPad* src_ = nullptr;
  State state_;  // streaming thread
};

}  // namespace
}  // namespace tarn

struct _TarnTsPackager {
  GstElement parent;
  tarn::TsPackager* impl;
};

G_DEFINE_FINAL_TYPE(TarnTsPackager, tarn_ts_packager, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(tspackager, "tspackager", GST_RANK_NONE, TARN_TYPE_TS_PACKAGER)

namespace tarn {
namespace {

TsPackager::TsPackager(TarnTsPackager* shell) : shell_(shell) {
  sink_ = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(sink_, gstkit::pad_thunk<&TsPackager::chain>);
  gst_pad_set_chain_list_function(sink_, gstkit::pad_thunk<&TsPackager::chain_list>);
  gst_pad_set_event_function(sink_, gstkit::pad_thunk<&TsPackager::sink_event>);
  gst_element_add_pad(GST_ELEMENT(shell_), sink_);
  src_ = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_use_fixed_caps(src_);
  gst_element_add_pad(GST_ELEMENT(shell_), src_);
}

GstStateChangeReturn TsPackager::change_state(GstStateChange transition) {
  const auto result =
      GST_ELEMENT_CLASS(tarn_ts_packager_parent_class)->change_state(GST_ELEMENT(shell_), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) state_ = {};
  return result;
}

Status TsPackager::begin_track(const gstkit::TrackBegin& begin) {
  Header& known = state_.headers[begin.track];
  if (known.caps != begin.caps) {
    known = {.caps = begin.caps, .track = TRY(gstkit::cmaf_track_of(begin.caps.get()))};
  }
  Gathered track;
  track.stream.info = known.track.info;
  track.stream.language = known.track.language;
  state_.segment.push_back(std::move(track));
  return {};
}

// A sample's bytes in a chunk of one or more memories. A sample that spans two of them does not occur:
// payload memories hold whole samples.
std::optional<Bytes> sample_bytes(const std::vector<Blob>& parts, std::size_t offset, std::size_t size) {
  for (const Blob& part : parts) {
    if (offset < part.size()) {
      if (size > part.size() - offset) return std::nullopt;
      return part.bytes().subspan(offset, size);
    }
    offset -= part.size();
  }
  return size == 0 ? std::optional<Bytes>{Bytes{}} : std::nullopt;
}

Status TsPackager::add(GstBuffer* buffer) {
  if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER)) return {};
  if (state_.segment.empty()) {
    return Error{ErrorCode::invalid,
                 "tspackager: a chunk came before tarn/track-begin; put an archivesrc upstream"};
  }
  Gathered& track = state_.segment.back();
  auto parts = TRY(gstkit::blobs_of(buffer));
  if (parts.empty()) return {};
  const auto chunk =
      parts.size() == 1 ? TRY(isobmff::parse_chunks(parts.front().bytes()))
                        : TRY(isobmff::parse_chunk_front(parts.front().bytes(), gst_buffer_get_size(buffer)));
  const std::uint32_t timescale = track.stream.info.timescale;
  track.stream.samples.reserve(track.stream.samples.size() + chunk.samples.size());
  for (const auto& sample : chunk.samples) {
    const auto bytes = sample_bytes(parts, sample.offset, sample.size);
    if (!bytes) return malformed("tspackager: a sample spans two memories of its chunk");
    track.stream.samples.push_back({.dts = rescale(sample.dts, timescale, ts_timescale),
                                    .pts = rescale(sample.pts, timescale, ts_timescale),
                                    .data = *bytes,
                                    .sync = sample.sync});
  }
  for (auto& event : isobmff::events_of_chunks(parts.front().bytes())) {
    if (chunk.samples.empty()) break;
    const std::size_t first = std::min(event.chunk, chunk.chunk_begins.size() - 1);
    const auto& sample = chunk.samples[std::min(chunk.chunk_begins[first], chunk.samples.size() - 1)];
    track.events.push_back({.begin = rescale(sample.dts, timescale, ts_timescale),
                            .time = rescale(event.box.time, event.box.timescale, ts_timescale),
                            .message = std::move(event.box.message)});
  }
  track.chunks.push_back(std::move(parts));
  return {};
}

void TsPackager::gather(const Status& outcome) {
  if (!outcome.ok() && state_.problem.ok()) state_.problem = outcome;
}

GstFlowReturn TsPackager::chain(GstPad* /*pad*/, GstBuffer* buffer) {
  const auto owned = Ref<GstBuffer>::adopt(buffer);
  gather(add(owned.get()));
  return state_.problem.ok() ? GST_FLOW_OK : GST_FLOW_ERROR;
}

GstFlowReturn TsPackager::chain_list(GstPad* /*pad*/, GstBufferList* list) {
  const auto owned = Ref<GstBufferList>::adopt(list);
  for (guint i = 0; i < gst_buffer_list_length(owned.get()) && state_.problem.ok(); ++i) {
    gather(add(gst_buffer_list_get(owned.get(), i)));
  }
  return state_.problem.ok() ? GST_FLOW_OK : GST_FLOW_ERROR;
}

// Composition offsets of ISOBMFF may be negative; in MPEG-TS nothing is shown before it is decoded (ISO/IEC
// 13818-1 2.4.3.7). When pictures are shown stays as it is.
void TsPackager::decode_in_time(std::vector<mpegts::Sample>& samples) {
  std::int64_t early = 0;
  for (const auto& sample : samples) early = std::max(early, sample.dts - sample.pts);
  if (early == 0) return;
  for (auto& sample : samples) sample.dts -= early;
}

// The same message may be in several tracks. A splice is said ahead of its time, as early as the archive
// knows.
std::vector<mpegts::Metadata> TsPackager::metadata_of(const std::vector<Gathered>& tracks) {
  std::vector<mpegts::Metadata> all;
  std::vector<const Event*> known;
  for (const Gathered& track : tracks) {
    for (const Event& event : track.events) {
      const bool is_splice = codecs::is_splice(event.message.scheme_id_uri);
      if (!is_splice && !codecs::is_id3(event.message.scheme_id_uri)) continue;
      const bool is_copy = std::any_of(known.begin(), known.end(), [&](const Event* other) {
        return other->message.data == event.message.data && std::abs(other->time - event.time) <= 1;
      });
      if (is_copy) continue;
      known.push_back(&event);
      const Bytes data{event.message.data};
      if (!is_splice) {
        all.push_back({mpegts::Metadata::Kind::id3, event.time, event.time, data});
        continue;
      }
      const auto info = mpegts::parse_splice_info(data);
      const bool is_ahead = info.ok() && info->time;
      all.push_back({mpegts::Metadata::Kind::splice, is_ahead ? event.begin : event.time, event.time, data});
    }
  }
  return all;
}

GstFlowReturn TsPackager::finish() {
  auto segment = std::exchange(state_.segment, {});
  const Status problem = std::exchange(state_.problem, {});
  if (!problem.ok()) return gstkit::post_error(GST_ELEMENT(shell_), problem.error());
  std::vector<mpegts::Stream> streams;
  streams.reserve(segment.size());
  for (Gathered& track : segment) {
    if (track.stream.samples.empty()) continue;
    decode_in_time(track.stream.samples);
    streams.push_back(std::move(track.stream));
  }
  if (streams.empty()) return GST_FLOW_OK;
  auto bytes = mpegts::write_segment(streams, metadata_of(segment));
  if (!bytes.ok()) return gstkit::post_error(GST_ELEMENT(shell_), bytes.error());
  return gst_pad_push(src_, gstkit::buffer_of(Blob::of(std::move(bytes).value())).release());
}

bool TsPackager::sink_event(GstPad* pad, GstEvent* event) {
  auto owned = Ref<GstEvent>::adopt(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    const auto caps = Ref<GstCaps>::adopt(gst_caps_from_string(ts_caps));
    return gst_pad_push_event(src_, gst_event_new_caps(caps.get())) != FALSE;
  }
  if (const auto begin = gstkit::parse<gstkit::TrackBegin>(event)) {
    gather(begin_track(*begin));
    return true;
  }
  GstFlowReturn flow = GST_FLOW_OK;
  if (gstkit::parse<gstkit::SegmentBegin>(event)) {
    state_.segment.clear();
    state_.problem = {};
  } else if (gstkit::parse<gstkit::SegmentEnd>(event)) {
    flow = finish();
  }
  const bool forwarded = gst_pad_event_default(pad, GST_OBJECT(shell_), owned.release()) != FALSE;
  return forwarded && flow == GST_FLOW_OK;
}

}  // namespace
}  // namespace tarn

static void tarn_ts_packager_init(TarnTsPackager* self) { self->impl = new tarn::TsPackager{self}; }

static void tarn_ts_packager_class_init(TarnTsPackagerClass* klass) {
  auto* element = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(tspackager_debug, "tspackager", 0, "MPEG-2 TS segments from CMAF chunks");
  tarn::gstkit::finalize_with<tarn::TsPackager>(G_OBJECT_CLASS(klass));
  element->change_state = tarn::gstkit::thunk<&tarn::TsPackager::change_state>;
  gst_element_class_add_static_pad_template(element, &tarn::sink_template);
  gst_element_class_add_static_pad_template(element, &tarn::src_template);
  gst_element_class_set_static_metadata(element, "TS packager", "Codec/Muxer",
                                        "Turns CMAF chunks into MPEG-2 TS segments", "Tarn");
}
