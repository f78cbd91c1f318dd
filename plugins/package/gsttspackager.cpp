// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-tspackager
 * @title: tspackager
 *
 * Makes MPEG-2 TS segments that are decodable on their own: one segment, one buffer. Every segment starts its
 * continuity counters at 0 and ends them at 15, so that segments can follow each other in any order and on
 * any server.
 *
 * | pad | caps |
 * |---|---|
 * | sink_%u (request) | a parsed elementary stream: H.264, HEVC, AAC, AC-3, E-AC-3, MP3 |
 * | sink (always) | `video/quicktime, variant=cmaf`, of an archivesrc |
 * | src (always) | `video/mpegts, systemstream=true, packetsize=188, segmented=true` |
 *
 * Of elementary streams, at most one of them video, the video makes the segments, without video the first
 * pad: a segment ends in front of the first sync sample that makes it at least `segment-duration` long, or
 * where the stream's parameters change, and holds of the other pads what is decoded before that. Buffers
 * carry the running time at which the segment is shown; timestamps in the stream are running times plus 10 s.
 * A `language-code` tag becomes the language of its stream. A segment waits until every pad has brought its
 * share, or a gap event, or EOS; a pad that is two segments and 10 s ahead of another waits in its chain, so
 * put queues in front where one thread feeds several pads. EOS comes when every pad got it.
 *
 * Live streams are waited for until they are late by `latency`, beyond the latency that is upstream. Then
 * segments go on without them (a warning), until they are there again; what comes for a segment that has left
 * is dropped. While a live video has nothing for a segment's length, the audio has segments of its own.
 *
 * Behind an archivesrc, on the pad `sink`, what comes between the events `tarn/segment-begin` and
 * `tarn/segment-end` becomes one segment: the chunks of each track follow its `tarn/track-begin`. Timestamps
 * in the stream are the media times of the first segment event; behind a later one (an encoder began anew)
 * they go on as running time does.
 *
 * With `request-key-frames` the encoder in front is asked for a key frame where each segment is to end; leave
 * it off where several encoders have to have them at the same times.
 *
 * Threads: works on the streaming threads that push; none of its own.
 *
 * |[
 * gst-launch-1.0 tspackager name=ts ! filesink location=encoded.ts \
 *     videotestsrc num-buffers=150 ! x264enc key-int-max=50 ! h264parse ! queue ! ts. \
 *     audiotestsrc num-buffers=220 ! audioconvert ! avenc_aac ! aacparse ! queue ! ts.
 * ]|
 *
 * |[
 * gst-launch-1.0 archivesrc location=archive tracks=1,2 ! tspackager ! filesink location=programme.ts
 * ]|
 */
#include "package/gsttspackager.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/event_message.h"
#include "core/mpegts/segment_writer.h"
#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/events.h"
#include "gstkit/memory.h"
#include "gstkit/object.h"
#include "gstkit/properties.h"
#include "gstkit/time.h"
#include "package/ts_muxer.h"
#include "package/ts_tracks.h"

GST_DEBUG_CATEGORY(tspackager_debug);
#define GST_CAT_DEFAULT tspackager_debug

namespace tarn {
namespace {

using gstkit::Ref;
using timeline::TrackId;

constexpr char elementary_caps[] =
    "video/x-h264, stream-format=(string){avc, byte-stream}, alignment=(string)au; "
    "video/x-h265, stream-format=(string){hvc1, byte-stream}, alignment=(string)au; "
    "audio/mpeg, mpegversion=(int)4, stream-format=(string){raw, adts}, framed=(boolean)true; "
    "audio/mpeg, mpegversion=(int)1, layer=(int)3, parsed=(boolean)true; "
    "audio/x-ac3, framed=(boolean)true; audio/x-eac3, framed=(boolean)true";
constexpr std::uint32_t ts_timescale = 90'000;

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                             GST_STATIC_CAPS(gstkit::cmaf_caps_template));
GstStaticPadTemplate request_template =
    GST_STATIC_PAD_TEMPLATE("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS(elementary_caps));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(gstkit::ts_caps_template));

class TsPackager {
 public:
  using Shell = TarnTsPackager;

  struct Settings {
    std::uint32_t segment_duration = 6;
    bool request_key_frames = false;
    GstClockTime latency = 500 * GST_MSECOND;
  };
  gstkit::Guarded<Settings> settings;
  static constexpr std::array properties{
      gstkit::Property<TsPackager>{.name = "segment-duration",
                                   .blurb = "Seconds that a segment of elementary streams lasts at least",
                                   .member = &Settings::segment_duration,
                                   .min = 1,
                                   .max = 600,
                                   .when = gstkit::When::ready},
      gstkit::Property<TsPackager>{.name = "request-key-frames",
                                   .blurb = "Ask the encoder for a key frame where each segment is to end",
                                   .member = &Settings::request_key_frames,
                                   .when = gstkit::When::ready},
      gstkit::Property<TsPackager>{.name = "latency",
                                   .blurb =
                                       "Nanoseconds that a live stream may be late by, beyond the latency "
                                       "upstream, before segments go on without it",
                                   .member = &Settings::latency,
                                   .max = 3600 * GST_SECOND,
                                   .when = gstkit::When::ready}};

  explicit TsPackager(TarnTsPackager* shell);

  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer);
  GstFlowReturn chain_list(GstPad* pad, GstBufferList* list);
  bool sink_event(GstPad* pad, GstEvent* event);
  GstStateChangeReturn change_state(GstStateChange transition);

  GstPad* request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps* caps);
  void release_pad(GstPad* pad);
  GstFlowReturn mux_chain(GstPad* pad, GstBuffer* buffer) {
    return muxer_->chain(pad, Ref<GstBuffer>::adopt(buffer));
  }
  bool mux_event(GstPad* pad, GstEvent* event) {
    return muxer_->sink_event(pad, Ref<GstEvent>::adopt(event));
  }
  bool src_query(GstPad* pad, GstQuery* query);
  bool src_event(GstPad* pad, GstEvent* event);

 private:
  // One track's share of the segment that is being gathered.
  struct Gathered {
    mpegts::Stream stream;
    std::vector<std::vector<Blob>> chunks;  // keep the samples' bytes mapped
  };
  struct Header {
    Ref<GstCaps> caps;
    gstkit::CmafTrack track;
  };
  struct State {
    std::map<TrackId, Header> headers;  // parsed once, while the track's caps stay the same object
    std::vector<Gathered> segment;
    std::vector<package::TsEvent> events;  // of the segment
    Status problem;  // the first one of this segment: it is reported when the segment ends
    // Running time less media time, nanoseconds, as the first segment event said.
    std::optional<std::int64_t> origin;
    // Of the times in the chunks, 90 kHz: by what the last segment event says another thing.
    std::int64_t shift = 0;
  };

  bool begin_segment(GstEvent* event);
  Status begin_track(const gstkit::TrackBegin& begin);
  Status add(GstBuffer* buffer);
  GstFlowReturn finish();
  void gather(const Status& outcome);

  TarnTsPackager* shell_;
  GstPad* sink_ = nullptr;  // owned by the element
  GstPad* src_ = nullptr;
  State state_;                            // streaming thread of `sink`
  std::optional<package::TsMuxer> muxer_;  // of the request pads
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
  gst_pad_set_query_function(src_, gstkit::pad_thunk<&TsPackager::src_query>);
  gst_pad_set_event_function(src_, gstkit::pad_thunk<&TsPackager::src_event>);
  gst_element_add_pad(GST_ELEMENT(shell_), src_);
  muxer_.emplace(GST_ELEMENT(shell_), src_);
}

GstPad* TsPackager::request_new_pad(GstPadTemplate* pad_template, const gchar* name,
                                    const GstCaps* /*caps*/) {
  if (gst_pad_is_linked(sink_) != FALSE) {
    GST_WARNING_OBJECT(shell_, "chunks and elementary streams do not go together");
    return nullptr;
  }
  GstPad* const pad = muxer_->open(pad_template, name);
  if (pad == nullptr) return nullptr;
  gst_pad_set_chain_function(pad, gstkit::pad_thunk<&TsPackager::mux_chain>);
  gst_pad_set_event_function(pad, gstkit::pad_thunk<&TsPackager::mux_event>);
  if (gst_element_add_pad(GST_ELEMENT(shell_), pad) != FALSE) return pad;
  muxer_->forget(pad);
  return nullptr;
}

void TsPackager::release_pad(GstPad* pad) {
  muxer_->close(pad);
  gst_element_remove_pad(GST_ELEMENT(shell_), pad);
}

// A segment leaves when it is over.
bool TsPackager::src_query(GstPad* pad, GstQuery* query) {
  if (gst_pad_query_default(pad, GST_OBJECT(shell_), query) == FALSE) return false;
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || !muxer_->has_pads()) return true;
  gboolean is_live = FALSE;
  GstClockTime least = 0;
  gst_query_parse_latency(query, &is_live, &least, nullptr);
  const Settings now = settings.copy();
  const GstClockTime patience = is_live != FALSE && muxer_->waits() ? now.latency : 0;
  gst_query_set_latency(query, is_live, least + now.segment_duration * GST_SECOND + patience,
                        GST_CLOCK_TIME_NONE);
  return true;
}

bool TsPackager::src_event(GstPad* pad, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_LATENCY) muxer_->ask_latency();
  return gst_pad_event_default(pad, GST_OBJECT(shell_), event) != FALSE;
}

GstStateChangeReturn TsPackager::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    const Settings now = settings.copy();
    muxer_->start({.segment_ticks = std::int64_t{now.segment_duration} * ts_timescale,
                   .requests = now.request_key_frames,
                   .patience = now.latency});
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) muxer_->stop();
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

// The stream has the media times of the first segment. The next one may have others, of an encoder that began
// anew: these are moved to where running time goes on, and downstream need not know. True: it is the first.
bool TsPackager::begin_segment(GstEvent* event) {
  const GstSegment* segment = nullptr;
  gst_event_parse_segment(event, &segment);
  if (segment->format != GST_FORMAT_TIME) return true;
  const auto origin = static_cast<std::int64_t>(segment->base) - static_cast<std::int64_t>(segment->start);
  const bool is_first = !state_.origin;
  if (is_first) state_.origin = origin;
  state_.shift = rescale(origin - *state_.origin, 1'000'000'000, ts_timescale);
  return is_first;
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
    track.stream.samples.push_back({.dts = rescale(sample.dts, timescale, ts_timescale) + state_.shift,
                                    .pts = rescale(sample.pts, timescale, ts_timescale) + state_.shift,
                                    .data = *bytes,
                                    .sync = sample.sync});
  }
  for (auto& event : isobmff::events_of_chunks(parts.front().bytes())) {
    if (chunk.samples.empty()) break;
    const std::size_t first = std::min(event.chunk, chunk.chunk_begins.size() - 1);
    const auto& sample = chunk.samples[std::min(chunk.chunk_begins[first], chunk.samples.size() - 1)];
    state_.events.push_back(
        {.begin = rescale(sample.dts, timescale, ts_timescale) + state_.shift,
         .time = rescale(event.box.time, event.box.timescale, ts_timescale) + state_.shift,
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

GstFlowReturn TsPackager::finish() {
  auto segment = std::exchange(state_.segment, {});
  const auto events = std::exchange(state_.events, {});
  const Status problem = std::exchange(state_.problem, {});
  if (!problem.ok()) return gstkit::post_error(GST_ELEMENT(shell_), problem.error());
  std::vector<mpegts::Stream> streams;
  streams.reserve(segment.size());
  for (Gathered& track : segment) {
    if (track.stream.samples.empty()) continue;
    package::decode_in_time(track.stream.samples);
    streams.push_back(std::move(track.stream));
  }
  if (streams.empty()) return GST_FLOW_OK;
  auto bytes = mpegts::write_segment(streams, package::metadata_of(events));
  if (!bytes.ok()) return gstkit::post_error(GST_ELEMENT(shell_), bytes.error());
  auto buffer = gstkit::buffer_of(Blob::of(std::move(bytes).value()));
  const std::int64_t shown = streams.front().samples.front().pts;
  GST_BUFFER_PTS(buffer.get()) = gstkit::to_clock_time(std::max<std::int64_t>(0, shown), ts_timescale);
  return gst_pad_push(src_, buffer.release());
}

bool TsPackager::sink_event(GstPad* pad, GstEvent* event) {
  auto owned = Ref<GstEvent>::adopt(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    const auto caps = Ref<GstCaps>::adopt(gst_caps_from_string(gstkit::ts_caps_template));
    return gst_pad_push_event(src_, gst_event_new_caps(caps.get())) != FALSE;
  }
  if (const auto begin = gstkit::parse<gstkit::TrackBegin>(event)) {
    gather(begin_track(*begin));
    return true;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT && !begin_segment(event)) return true;
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    state_.origin.reset();
    state_.shift = 0;
  }
  GstFlowReturn flow = GST_FLOW_OK;
  if (gstkit::parse<gstkit::SegmentBegin>(event)) {
    state_.segment.clear();
    state_.events.clear();
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
  GST_DEBUG_CATEGORY_INIT(tspackager_debug, "tspackager", 0, "MPEG-2 TS segments");
  tarn::gstkit::finalize_with<tarn::TsPackager>(G_OBJECT_CLASS(klass));
  tarn::gstkit::install_properties<tarn::TsPackager>(G_OBJECT_CLASS(klass));
  element->change_state = tarn::gstkit::thunk<&tarn::TsPackager::change_state>;
  element->request_new_pad = tarn::gstkit::thunk<&tarn::TsPackager::request_new_pad>;
  element->release_pad = tarn::gstkit::thunk<&tarn::TsPackager::release_pad>;
  gst_element_class_add_static_pad_template(element, &tarn::sink_template);
  gst_element_class_add_static_pad_template(element, &tarn::request_template);
  gst_element_class_add_static_pad_template(element, &tarn::src_template);
  gst_element_class_set_static_metadata(
      element, "TS packager", "Codec/Muxer",
      "Makes MPEG-2 TS segments of elementary streams or of an archive's chunks", "Tarn");
}
