// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-cmafpackager
 *
 * Makes CMAF chunks (ISO/IEC 23000-19) of one elementary stream: a moof and an mdat header in front of
 * payload that is shared with the input and not copied. The CMAF header is in the output caps
 * (`streamheader`) and is also pushed as a buffer with the HEADER flag before the first chunk and after
 * every change of the stream's parameters, so that what comes out is a playable file.
 *
 * Behind an ingestselector each `tarn/part` event makes the next buffer list (or buffer) one chunk, with
 * the slot's number as its sequence number and the DTS, in ticks, as its decode time. Without such events
 * a video chunk is one GOP, an audio chunk the whole frames of `chunk-duration`, and times are
 * running times. Latency is then `chunk-duration` or, once there was a longer one, the longest chunk so far,
 * and a LATENCY message says that it has changed.
 *
 * Pads:
 * - `sink`: H.264 `avc`, HEVC `hvc1`, or either as `byte-stream`, alignment `au`; AV1 as temporal units and
 * VP9 as superframes, as their parsers give them, with `codec_data` or without; AAC `raw` or `adts`, MP3,
 * AC-3, E-AC-3, framed; Opus; WebVTT as samples of ISO/IEC 14496-30. A `language-code` tag becomes the
 * track's language
 * - `src`: `video/quicktime, variant=cmaf, codec, streamheader`
 *
 * Threads: works on the streaming thread that pushes; none of its own.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=150 ! x264enc key-int-max=50 ! h264parse ! \
 *     cmafpackager ! filesink location=packaged.mp4
 * ]|
 */
#include "package/gstcmafpackager.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/isobmff/cmaf.h"
#include "gstkit/caps.h"
#include "gstkit/debug.h"
#include "gstkit/error.h"
#include "gstkit/event_messages.h"
#include "gstkit/events.h"
#include "gstkit/object.h"
#include "gstkit/properties.h"
#include "gstkit/time.h"
#include "package/chunk_builder.h"
#include "package/stream_input.h"

GST_DEBUG_CATEGORY_STATIC(cmafpackager_debug);
#define GST_CAT_DEFAULT cmafpackager_debug

namespace tarn::package {

using gstkit::Ref;

class CmafPackager {
 public:
  using Shell = TarnCmafPackager;

  struct Settings {
    GstClockTime chunk_duration = 2 * GST_SECOND;
  };
  gstkit::Guarded<Settings> settings;
  static constexpr std::array properties{
      gstkit::Property<CmafPackager>{.name = "chunk-duration",
                                     .blurb = "Length of an audio chunk in nanoseconds where no tarn/part "
                                              "events say it; rounded up to whole frames",
                                     .member = &Settings::chunk_duration,
                                     .min = 1,
                                     .max = 60 * GST_SECOND,
                                     .when = gstkit::When::ready}};

  static constexpr char sink_caps[] = TARN_VIDEO_CAPS
      "; video/x-h264, stream-format=(string)byte-stream, alignment=(string)au"
      "; video/x-h265, stream-format=(string)byte-stream, alignment=(string)au; " TARN_AUDIO_CAPS
      "; audio/mpeg, mpegversion=(int)4, stream-format=(string)adts, framed=(boolean)true; " TARN_TEXT_CAPS;

  explicit CmafPackager(TarnCmafPackager* shell);

  GstStateChangeReturn change_state(GstStateChange transition);
  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer);
  GstFlowReturn chain_list(GstPad* pad, GstBufferList* list);
  bool sink_event(GstPad* pad, GstEvent* event);
  bool src_query(GstPad* pad, GstQuery* query);

 private:
  // Chunks of a stream that never has a sync sample stay bounded.
  static constexpr std::size_t max_units = 5'000;
  static constexpr std::size_t max_bytes = std::size_t{64} << 20U;

  struct State {
    StreamInput input;
    codecs::StreamInfo info;                // that the header was made of
    std::string language;                   // of the track, as its event or its tags say
    bool is_announced = false;              // by a tarn/track, which knows more than tags
    bool has_failed = false;                // and said so
    Blob header;                            // CMAF header; empty until the parameters are known
    bool header_sent = false;               // caps and header buffer are downstream
    std::vector<Ref<GstEvent>> held;        // serialized events that must not pass the caps
    std::optional<gstkit::PartBegin> part;  // the next list is this part
    std::optional<ChunkBuilder> builder;
    std::uint32_t next_sequence = 1;
    std::int64_t audio_chunk_ticks = 0;
    std::int64_t shift = 0;  // running times may begin below zero, decode times may not
    bool shift_known = false;
    GstSegment segment;
    std::uint64_t dropped = 0;
    gstkit::WarningLimiter warnings;
  };

  GstFlowReturn take_part(GstBuffer** units, guint count);
  GstFlowReturn take_single(Ref<GstBuffer> unit);
  bool ends_chunk(const Ref<GstBuffer>& unit) const;
  GstFlowReturn flush_chunk(std::optional<std::int64_t> next_dts);

  // The unit as CMAF carries it, with the stream's header made or remade; empty: nothing to keep.
  Result<Ref<GstBuffer>> convert(Ref<GstBuffer> unit, GstFlowReturn& flow);
  std::optional<UnitTimes> times_of(GstBuffer* unit, bool running);
  GstClockTimeDiff running(GstClockTime time) const;

  Status make_header();
  GstFlowReturn send_header();
  // One failure is one error, however many buffers still come.
  GstFlowReturn fail(const Error& error) {
    if (std::exchange(state_.has_failed, true)) return GST_FLOW_ERROR;
    return gstkit::post_error(GST_ELEMENT_CAST(shell_), error);
  }
  void drop(const char* why);
  void reset();

  bool take_caps(const Ref<GstEvent>& event);
  void take_track(const gstkit::TrackAnnounced& announced);
  void take_tags(GstEvent* event);
  void set_language(const std::string& language);

  TarnCmafPackager* shell_;
  GstPad* sink_ = nullptr;
  GstPad* src_ = nullptr;
  State state_;
  // For queries: how long chunks are that this element makes of its own accord.
  std::atomic<bool> has_parts_ = false;
  std::atomic<GstClockTime> longest_ = 0;
};

}  // namespace tarn::package

struct _TarnCmafPackager {
  GstElement parent;
  tarn::package::CmafPackager* impl;
};
G_DEFINE_FINAL_TYPE(TarnCmafPackager, tarn_cmaf_packager, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(cmafpackager, "cmafpackager", GST_RANK_NONE, TARN_TYPE_CMAF_PACKAGER)

namespace tarn::package {
namespace {

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(CmafPackager::sink_caps));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(gstkit::cmaf_caps_template));

bool is_sync(const GstBuffer* unit) { return !GST_BUFFER_FLAG_IS_SET(unit, GST_BUFFER_FLAG_DELTA_UNIT); }

}  // namespace

CmafPackager::CmafPackager(TarnCmafPackager* shell) : shell_(shell) {
  sink_ = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(sink_, gstkit::pad_thunk<&CmafPackager::chain>);
  gst_pad_set_chain_list_function(sink_, gstkit::pad_thunk<&CmafPackager::chain_list>);
  gst_pad_set_event_function(sink_, gstkit::pad_thunk<&CmafPackager::sink_event>);
  gst_element_add_pad(GST_ELEMENT_CAST(shell_), sink_);
  src_ = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_use_fixed_caps(src_);
  gst_pad_set_query_function(src_, gstkit::pad_thunk<&CmafPackager::src_query>);
  gst_element_add_pad(GST_ELEMENT_CAST(shell_), src_);
  reset();
}

void CmafPackager::reset() {
  state_ = State{};
  has_parts_ = false;
  longest_ = 0;
  gst_segment_init(&state_.segment, GST_FORMAT_TIME);
}

GstStateChangeReturn CmafPackager::change_state(GstStateChange transition) {
  const auto result =
      GST_ELEMENT_CLASS(tarn_cmaf_packager_parent_class)->change_state(GST_ELEMENT_CAST(shell_), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) reset();
  return result;
}

// A chunk leaves when it is over; one of a tarn/part is over when it comes. How long GOPs are is known only
// from those that were.
bool CmafPackager::src_query(GstPad* pad, GstQuery* query) {
  if (gst_pad_query_default(pad, GST_OBJECT_CAST(shell_), query) == FALSE) return false;
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || has_parts_) return true;
  gboolean is_live = FALSE;
  GstClockTime least = 0;
  gst_query_parse_latency(query, &is_live, &least, nullptr);
  const GstClockTime told = settings.with([](const Settings& s) { return s.chunk_duration; });
  gst_query_set_latency(query, is_live, least + std::max(told, longest_.load()), GST_CLOCK_TIME_NONE);
  return true;
}

// ---- events

bool CmafPackager::sink_event(GstPad* /*pad*/, GstEvent* raw) {
  auto event = Ref<GstEvent>::adopt(raw);
  switch (GST_EVENT_TYPE(raw)) {
    case GST_EVENT_CAPS:
      return take_caps(event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(raw, &state_.segment);
      break;
    case GST_EVENT_TAG:
      take_tags(raw);
      break;
    case GST_EVENT_EOS:
      (void)flush_chunk({});
      (void)send_header();
      break;
    case GST_EVENT_FLUSH_STOP:
      if (state_.builder) state_.builder.emplace(state_.info.timescale);
      state_.part.reset();
      gst_segment_init(&state_.segment, GST_FORMAT_TIME);
      std::erase_if(state_.held, [](const Ref<GstEvent>& held) {
        return GST_EVENT_TYPE(held.get()) == GST_EVENT_SEGMENT || GST_EVENT_TYPE(held.get()) == GST_EVENT_GAP;
      });
      break;
    case GST_EVENT_GAP:
      (void)flush_chunk({});  // what came before the gap is in front of it
      break;
    default:
      break;
  }
  if (const auto announced = gstkit::parse<gstkit::TrackAnnounced>(raw)) {
    take_track(*announced);
  } else if (const auto part = gstkit::parse<gstkit::PartBegin>(raw)) {
    state_.part = part;
    has_parts_ = true;
    if (send_header() != GST_FLOW_OK) return false;
  } else if (gst_event_has_name(raw, gstkit::StretchBegin::name)) {
    // The stretch is the sign that all that describes the track has been said.
    if (send_header() != GST_FLOW_OK) return false;
  }
  const bool serialized = (gst_event_type_get_flags(GST_EVENT_TYPE(raw)) & GST_EVENT_TYPE_SERIALIZED) != 0;
  const bool waits = serialized && GST_EVENT_TYPE(raw) != GST_EVENT_STREAM_START &&
                     GST_EVENT_TYPE(raw) != GST_EVENT_EOS && GST_EVENT_TYPE(raw) != GST_EVENT_FLUSH_STOP;
  if (waits && !state_.header_sent) {
    state_.held.push_back(std::move(event));
    return true;
  }
  return gst_pad_push_event(src_, event.release());
}

bool CmafPackager::take_caps(const Ref<GstEvent>& event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event.get(), &caps);
  (void)flush_chunk({});
  state_.has_failed = false;
  if (Status status = state_.input.set_caps(caps); !status) {
    (void)fail(status.error());
    return false;
  }
  if (!state_.input.info()) return true;  // a byte stream or ADTS: the first access unit says it
  if (Status status = make_header(); !status) {
    (void)fail(status.error());
    return false;
  }
  return true;
}

void CmafPackager::take_track(const gstkit::TrackAnnounced& announced) {
  state_.is_announced = true;
  set_language(announced.track.language);
}

void CmafPackager::take_tags(GstEvent* event) {
  GstTagList* tags = nullptr;
  gst_event_parse_tag(event, &tags);
  char* raw = nullptr;
  if (state_.is_announced || gst_tag_list_get_string(tags, GST_TAG_LANGUAGE_CODE, &raw) == FALSE) return;
  const gstkit::TextPtr language{raw};
  set_language(language.get());
}

void CmafPackager::set_language(const std::string& language) {
  if (language == state_.language) return;
  state_.language = language;
  if (state_.header.empty()) return;
  (void)flush_chunk({});
  if (Status status = make_header(); !status) (void)fail(status.error());
}

// ---- header

Status CmafPackager::make_header() {
  Blob header = Blob::of(TRY(isobmff::write_init(*state_.input.info(), state_.language)));
  const bool same = as_text(header.bytes()) == as_text(state_.header.bytes());
  state_.info = *state_.input.info();
  if (!state_.builder) state_.builder.emplace(state_.info.timescale);
  if (same) return {};
  state_.header = std::move(header);
  state_.header_sent = false;
  state_.builder.emplace(state_.info.timescale);
  const auto ns = settings.with([](const Settings& s) { return s.chunk_duration; });
  state_.audio_chunk_ticks = gstkit::to_ticks(ns, state_.info.timescale);
  return {};
}

// Caps, what waited for them, and the header as a buffer. Without parameters there is nothing to send yet.
GstFlowReturn CmafPackager::send_header() {
  if (state_.header_sent || state_.header.empty()) return GST_FLOW_OK;
  state_.header_sent = true;
  const auto caps = gstkit::cmaf_caps(state_.info, state_.header);
  GST_INFO_OBJECT(shell_, "CMAF header of %s, %zu bytes", state_.info.codec_string.c_str(),
                  state_.header.size());
  if (!gst_pad_push_event(src_, gst_event_new_caps(caps.get()))) {
    if (GST_PAD_IS_FLUSHING(src_)) return GST_FLOW_FLUSHING;
  }
  for (auto& event : std::exchange(state_.held, {})) gst_pad_push_event(src_, event.release());
  auto buffer = gstkit::buffer_of(state_.header);
  GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
  return gst_pad_push(src_, buffer.release());
}

// ---- access units

GstClockTimeDiff CmafPackager::running(GstClockTime time) const {
  guint64 value = 0;
  const int sign = gst_segment_to_running_time_full(&state_.segment, GST_FORMAT_TIME, time, &value);
  return sign < 0 ? -static_cast<GstClockTimeDiff>(value) : static_cast<GstClockTimeDiff>(value);
}

std::optional<UnitTimes> CmafPackager::times_of(GstBuffer* unit, bool running_times) {
  GstClockTime dts = GST_BUFFER_DTS(unit);
  GstClockTime pts = GST_BUFFER_PTS(unit);
  if (!GST_CLOCK_TIME_IS_VALID(dts)) dts = pts;
  if (!GST_CLOCK_TIME_IS_VALID(pts)) pts = dts;
  if (!GST_CLOCK_TIME_IS_VALID(dts)) return std::nullopt;
  const std::uint32_t timescale = state_.info.timescale;
  const auto ticks = [&](GstClockTime time) {
    return running_times ? rescale(running(time), 1'000'000'000, timescale)
                         : gstkit::to_ticks(time, timescale);
  };
  UnitTimes times{.dts = ticks(dts), .pts = ticks(pts), .duration = {}};
  if (GST_BUFFER_DURATION_IS_VALID(unit))
    times.duration = gstkit::to_ticks(GST_BUFFER_DURATION(unit), timescale);
  if (!running_times) return times;
  if (!state_.shift_known) {
    state_.shift_known = true;
    state_.shift = times.dts < 0 ? -times.dts : 0;
  }
  times.dts += state_.shift;
  times.pts += state_.shift;
  return times;
}

void CmafPackager::drop(const char* why) {
  ++state_.dropped;
  if (state_.warnings.due()) {
    GST_WARNING_OBJECT(shell_, "access unit dropped: %s (%" G_GUINT64_FORMAT " so far)", why, state_.dropped);
  }
}

Result<Ref<GstBuffer>> CmafPackager::convert(Ref<GstBuffer> unit, GstFlowReturn& flow) {
  Ref<GstBuffer> converted = TRY(state_.input.convert(std::move(unit)));
  if (state_.input.info() && (state_.header.empty() || !(*state_.input.info() == state_.info))) {
    if (state_.builder) flow = flush_chunk({});
    TRY(make_header());
  }
  return converted;
}

// One tarn/part: all of `units` are one chunk.
GstFlowReturn CmafPackager::take_part(GstBuffer** units, guint count) {
  const gstkit::PartBegin part = *std::exchange(state_.part, std::nullopt);
  for (guint i = 0; i < count; ++i) {
    GstFlowReturn flow = GST_FLOW_OK;
    auto unit = convert(Ref<GstBuffer>::share(units[i]), flow);
    if (!unit) return fail(unit.error());
    if (flow != GST_FLOW_OK) return flow;
    if (!*unit) {
      drop("no parameter sets yet");
      continue;
    }
    const auto times = times_of(unit->get(), false);
    const bool sync = is_sync(unit->get());
    if (!times) {
      drop("no timestamp");
    } else if (!state_.builder->add(unit->get(), *times, sync, gstkit::events_of(units[i]))) {
      drop("decode time goes back");
    }
  }
  if (!state_.builder || state_.builder->empty()) return GST_FLOW_OK;
  if (const auto flow = send_header(); flow != GST_FLOW_OK) return flow;
  return gst_pad_push(src_, state_.builder->finish(static_cast<std::uint32_t>(part.slot)).release());
}

bool CmafPackager::ends_chunk(const Ref<GstBuffer>& unit) const {
  const ChunkBuilder& chunk = *state_.builder;
  if (chunk.empty()) return false;
  if (chunk.count() >= max_units || chunk.size_bytes() >= max_bytes) return true;
  if (codecs::kind_of(state_.info.codec) == codecs::Kind::video) return is_sync(unit.get());
  return chunk.end() - chunk.start() >= state_.audio_chunk_ticks;
}

GstFlowReturn CmafPackager::take_single(Ref<GstBuffer> raw) {
  GstFlowReturn flow = GST_FLOW_OK;
  const auto events = gstkit::events_of(raw.get());
  auto converted = convert(std::move(raw), flow);
  if (!converted) return fail(converted.error());
  if (flow != GST_FLOW_OK) return flow;
  const Ref<GstBuffer> unit = std::move(*converted);
  if (!unit) {
    drop("no parameter sets yet");
    return GST_FLOW_OK;
  }
  // At once, not with the first chunk: a sink that waits for its first buffer must not wait for all of a
  // chunk while the queue in front of another branch is full.
  if (flow = send_header(); flow != GST_FLOW_OK) return flow;
  const auto times = times_of(unit.get(), true);
  if (!times) {
    drop("no timestamp");
    return GST_FLOW_OK;
  }
  if (ends_chunk(unit)) {
    flow = flush_chunk(times->dts);
    if (flow != GST_FLOW_OK) return flow;
  }
  if (!state_.builder->add(unit.get(), *times, is_sync(unit.get()), events)) drop("decode time goes back");
  return GST_FLOW_OK;
}

GstFlowReturn CmafPackager::flush_chunk(std::optional<std::int64_t> next_dts) {
  if (!state_.builder || state_.builder->empty()) return GST_FLOW_OK;
  if (const auto flow = send_header(); flow != GST_FLOW_OK) return flow;
  Ref<GstBuffer> chunk = state_.builder->finish(state_.next_sequence++, next_dts);
  const GstClockTime told = settings.with([](const Settings& s) { return s.chunk_duration; });
  if (GST_BUFFER_DURATION_IS_VALID(chunk.get()) &&
      GST_BUFFER_DURATION(chunk.get()) > std::max(told, longest_.load())) {
    longest_ = GST_BUFFER_DURATION(chunk.get());
    gst_element_post_message(GST_ELEMENT_CAST(shell_), gst_message_new_latency(GST_OBJECT_CAST(shell_)));
  }
  return gst_pad_push(src_, chunk.release());
}

GstFlowReturn CmafPackager::chain(GstPad* /*pad*/, GstBuffer* raw) {
  auto unit = Ref<GstBuffer>::adopt(raw);
  if (state_.part) return take_part(&raw, 1);
  return take_single(std::move(unit));
}

GstFlowReturn CmafPackager::chain_list(GstPad* /*pad*/, GstBufferList* raw) {
  const auto list = Ref<GstBufferList>::adopt(raw);
  const guint count = gst_buffer_list_length(raw);
  if (state_.part) {
    std::vector<GstBuffer*> units(count);
    for (guint i = 0; i < count; ++i) units[i] = gst_buffer_list_get(raw, i);
    return take_part(units.data(), count);
  }
  for (guint i = 0; i < count; ++i) {
    const auto flow = take_single(Ref<GstBuffer>::share(gst_buffer_list_get(raw, i)));
    if (flow != GST_FLOW_OK) return flow;
  }
  return GST_FLOW_OK;
}

}  // namespace tarn::package

static void tarn_cmaf_packager_init(TarnCmafPackager* self) {
  self->impl = new tarn::package::CmafPackager{self};
}

static void tarn_cmaf_packager_class_init(TarnCmafPackagerClass* klass) {
  using tarn::package::CmafPackager;
  namespace gstkit = tarn::gstkit;
  GST_DEBUG_CATEGORY_INIT(cmafpackager_debug, "cmafpackager", 0, "CMAF packager");
  gstkit::finalize_with<CmafPackager>(G_OBJECT_CLASS(klass));
  gstkit::install_properties<CmafPackager>(G_OBJECT_CLASS(klass));
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = gstkit::thunk<&CmafPackager::change_state>;
  gst_element_class_add_static_pad_template(element, &tarn::package::sink_template);
  gst_element_class_add_static_pad_template(element, &tarn::package::src_template);
  gst_element_class_set_static_metadata(
      element, "CMAF packager", "Codec/Muxer",
      "Makes CMAF chunks of one elementary stream of video, audio or WebVTT without copying its payload",
      "The Tarn authors");
}
