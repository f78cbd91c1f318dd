// SPDX-License-Identifier: Apache-2.0
#include "package/ts_muxer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/time.h"
#include "core/isobmff/language.h"
#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/event_messages.h"
#include "gstkit/events.h"
#include "gstkit/lock.h"
#include "gstkit/memory.h"
#include "gstkit/pads.h"
#include "gstkit/time.h"

GST_DEBUG_CATEGORY_EXTERN(tspackager_debug);
#define GST_CAT_DEFAULT tspackager_debug

namespace tarn::package {
namespace {

using gstkit::Ref;

constexpr std::uint32_t clock_rate = 90'000;

Result<Blob> whole(GstBuffer* buffer) {
  const auto memory = Ref<GstMemory>::adopt(gst_buffer_get_all_memory(buffer));
  return gstkit::blob_of(memory.get());
}

std::int64_t duration_of(const GstBuffer* unit, const codecs::StreamInfo& info) {
  if (GST_BUFFER_DURATION_IS_VALID(unit)) return gstkit::to_ticks(GST_BUFFER_DURATION(unit), clock_rate);
  if (info.samples_per_frame != 0) return rescale(info.samples_per_frame, info.sample_rate, clock_rate);
  if (info.frame_rate_numerator != 0)
    return rescale(info.frame_rate_denominator, info.frame_rate_numerator, clock_rate);
  return 0;
}

}  // namespace

TsMuxer::~TsMuxer() = default;

// ---- pads

GstPad* TsMuxer::open(GstPadTemplate* pad_template, const gchar* name) {
  GstPad* const pad = gstkit::new_request_pad(element_, pad_template, "sink_", name);
  if (pad == nullptr) return nullptr;
  const std::lock_guard lock{mutex_};
  auto input = std::make_unique<Input>();
  input->id = static_cast<TsCutter::InputId>(next_id_++);
  input->pad = pad;
  gst_pad_set_element_private(input->pad, input.get());
  reset(*input);
  cutter_.open(input->id);
  return inputs_.emplace_back(std::move(input))->pad;
}

void TsMuxer::forget(GstPad* pad) {
  const std::lock_guard lock{mutex_};
  std::erase_if(inputs_, [&](const auto& input) {
    if (input->pad != pad) return false;
    cutter_.close(input->id);
    return true;
  });
}

void TsMuxer::close(GstPad* pad) {
  {
    const std::lock_guard lock{mutex_};
    input_of(pad).flushing = true;
    changed_.notify_all();
  }
  gst_pad_set_active(pad, FALSE);  // nobody is in its chain any more
  {
    const std::lock_guard lock{mutex_};
    cutter_.close(input_of(pad).id);
    gst_pad_set_element_private(pad, nullptr);
    std::erase_if(inputs_, [pad](const auto& input) { return input->pad == pad; });
    changed_.notify_all();
    if (inputs_.empty()) return;
  }
  push_ready();  // it is no longer waited for
}

bool TsMuxer::has_pads() {
  const std::lock_guard lock{mutex_};
  return !inputs_.empty();
}

bool TsMuxer::waits() {
  const std::lock_guard lock{mutex_};
  return inputs_.size() > 1;
}

TsMuxer::Input& TsMuxer::input_of(GstPad* pad) {
  return *static_cast<Input*>(gst_pad_get_element_private(pad));
}

void TsMuxer::reset(Input& input) {
  input.stream = {};
  input.dates = {};
  input.info.reset();
  gst_segment_init(&input.segment, GST_FORMAT_TIME);
  input.dropped = 0;
  input.flushing = input.told_missing = input.told_waiting = false;
}

void TsMuxer::start(const Wishes& wishes) {
  const std::lock_guard lock{mutex_};
  wishes_ = wishes;
  has_requested_ = false;
  live_.forget();
  cutter_ = TsCutter{wishes.segment_ticks};
  for (const auto& input : inputs_) {
    reset(*input);
    cutter_.open(input->id);
  }
  flow_ = GST_FLOW_OK;
  stopped_ = flushing_ = ended_ = false;
  announced_ = has_sent_segment_ = false;
}

void TsMuxer::stop() {
  const std::lock_guard lock{mutex_};
  stopped_ = true;
  changed_.notify_all();
}

// ---- access units

std::optional<std::int64_t> TsMuxer::ticks_of(const Input& input, GstClockTime time) {
  if (!GST_CLOCK_TIME_IS_VALID(time)) return std::nullopt;
  guint64 value = 0;
  const int sign = gst_segment_to_running_time_full(&input.segment, GST_FORMAT_TIME, time, &value);
  if (sign == 0) return std::nullopt;
  const auto running = sign < 0 ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
  return clock_start + rescale(running, 1'000'000'000, clock_rate);
}

void TsMuxer::drop(Input& input, const char* why) {
  ++input.dropped;
  if (!input.warnings.due()) return;
  GST_WARNING_OBJECT(input.pad, "access unit dropped: %s (%" G_GUINT64_FORMAT " so far)", why, input.dropped);
}

// Empty: not usable, because parameter sets or times are missing.
Result<std::optional<TsUnit>> TsMuxer::unit_of(Input& input, CameUnit came) {
  std::vector<codecs::EventMessage> events = gstkit::events_of(came.buffer.get());
  const Ref<GstBuffer> unit = TRY(input.stream.convert(std::move(came.buffer)));
  const auto& info = input.stream.info();
  if (!unit || !info || gst_buffer_get_size(unit.get()) == 0) return std::optional<TsUnit>{};
  if (!input.info || !(*input.info == *info)) input.info = std::make_shared<codecs::StreamInfo>(*info);
  if (!came.pts && !came.dts) return std::optional<TsUnit>{};
  TsUnit result;
  result.pts = came.pts.value_or(came.dts.value_or(0));
  result.dts = came.dts.value_or(result.pts);
  result.duration = duration_of(unit.get(), *info);
  result.sync = !GST_BUFFER_FLAG_IS_SET(unit.get(), GST_BUFFER_FLAG_DELTA_UNIT);
  result.data = TRY(whole(unit.get()));
  result.info = input.info;
  result.events = std::move(events);
  return std::optional{std::move(result)};
}

GstFlowReturn TsMuxer::chain(GstPad* pad, Ref<GstBuffer> buffer) {
  Input& input = input_of(pad);
  CameUnit unit{std::move(buffer)};
  unit.dts = ticks_of(input, GST_BUFFER_DTS(unit.buffer.get()));
  unit.pts = ticks_of(input, GST_BUFFER_PTS(unit.buffer.get()));
  return take_all(input, input.dates.add(std::move(unit), input.is_video));
}

GstFlowReturn TsMuxer::take_all(Input& input, std::vector<CameUnit> units) {
  for (CameUnit& came : units) {
    auto unit = unit_of(input, std::move(came));
    if (!unit) return gstkit::post_error(element_, unit.error());
    if (!*unit) {
      drop(input, "no parameters or no time yet");
      continue;
    }
    const std::int64_t time = (*unit)->pts;
    auto flow = take(input, std::move(**unit));
    if (wishes_.requests && input.is_video && !std::exchange(has_requested_, true))
      request_key_frame(input.pad, time);
    if (flow == GST_FLOW_OK) flow = push_ready();
    if (flow != GST_FLOW_OK) return flow;
  }
  return GST_FLOW_OK;
}

GstFlowReturn TsMuxer::take(Input& input, TsUnit unit) {
  note_due();
  std::unique_lock lock{mutex_};
  wait_for_others(input, lock);
  if (stopped_ || input.flushing) return GST_FLOW_FLUSHING;
  if (flow_ != GST_FLOW_OK) return flow_;
  const auto added = cutter_.add(input.id, std::move(unit));
  if (added == TsCutter::Added::goes_back) drop(input, "decode time goes back");
  if (added == TsCutter::Added::too_late) drop(input, "its segment has left");
  changed_.notify_all();
  return GST_FLOW_OK;
}

// Where the pad is far ahead. What is awaited of live streams falls due while it waits.
void TsMuxer::wait_for_others(Input& input, std::unique_lock<std::mutex>& lock) {
  using namespace std::chrono_literals;
  const auto may_go_on = [&] {
    return stopped_ || input.flushing || flow_ != GST_FLOW_OK || !cutter_.waits_for(input.id);
  };
  constexpr auto turn = 200ms;
  constexpr auto patience = 10s;
  for (auto waited = 0ms; !changed_.wait_for(lock, turn, may_go_on); waited += turn) {
    const auto awaited = cutter_.waits_for(input.id);
    Ref<GstPad> other;
    for (const auto& one : inputs_) {
      if (awaited == one->id) other = Ref<GstPad>::share(one->pad);
    }
    const bool is_long = other && waited >= patience && !std::exchange(input.told_waiting, true);
    lock.unlock();
    if (is_long) gstkit::tell_waiting(element_, input.pad, other.get());
    note_due();
    lock.lock();
  }
}

// REQUIRES: mutex_ is not held
void TsMuxer::note_due() {
  auto reading = live_.read(wishes_.patience);
  if (!reading) return;
  reading->now = clock_start + rescale(reading->now, 1'000'000'000, clock_rate);
  reading->allowance = rescale(reading->allowance, 1'000'000'000, clock_rate);
  const std::lock_guard lock{mutex_};
  if (const auto time = reading->due(cutter_.foremost())) cutter_.set_due(*time, reading->allowance);
}

// REQUIRES: mutex_ is held
std::vector<TsMuxer::News> TsMuxer::take_news() {
  std::vector<News> news;
  for (const auto& input : inputs_) {
    const bool is_missing = cutter_.is_missing(input->id);
    if (std::exchange(input->told_missing, is_missing) == is_missing) continue;
    news.push_back({Ref<GstPad>::share(input->pad), is_missing});
  }
  return news;
}

GstFlowReturn TsMuxer::push_ready() {
  const gstkit::StreamLock stream{src_};
  for (;;) {
    Next next;
    {
      const std::lock_guard lock{mutex_};
      if (stopped_ || flushing_) return GST_FLOW_FLUSHING;
      // Who has enough is still told that it is the end.
      if (flow_ != GST_FLOW_OK && !cutter_.all_ended()) return flow_;
      next = take_next();
      changed_.notify_all();
    }
    for (const News& news : next.news) gstkit::tell_missing(element_, news.pad.get(), news.is_missing);
    if (next.is_end) {
      announce();
      GstEvent* const eos = gst_event_new_eos();
      if (next.seqnum != GST_SEQNUM_INVALID) gst_event_set_seqnum(eos, next.seqnum);
      gst_pad_push_event(src_, eos);
    }
    if (!next.segment) return GST_FLOW_OK;
    const TsSegment& segment = *next.segment;
    if (next.maker) request_key_frame(next.maker.get(), segment.shown + segment.end - segment.begin);
    const GstFlowReturn flow = push(segment);
    const std::lock_guard lock{mutex_};
    if (flow != GST_FLOW_OK) flow_ = flow;
    changed_.notify_all();
  }
}

// REQUIRES: mutex_ is held
TsMuxer::Next TsMuxer::take_next() {
  Next next;
  if (flow_ == GST_FLOW_OK) next.segment = cutter_.take();
  next.news = take_news();
  next.seqnum = eos_seqnum_;
  next.is_end = !next.segment && cutter_.all_ended() && !std::exchange(ended_, true);
  for (const auto& input : inputs_) {
    const bool makes_segments = wishes_.requests && next.segment && input->id == cutter_.reference();
    if (makes_segments) next.maker = Ref<GstPad>::share(input->pad);
  }
  return next;
}

GstFlowReturn TsMuxer::push(const TsSegment& segment) {
  auto bytes = write(segment);
  if (!bytes) return gstkit::post_error(element_, bytes.error());
  if (bytes->empty()) return GST_FLOW_OK;
  announce();
  auto buffer = gstkit::buffer_of(Blob::of(std::move(*bytes)));
  const std::int64_t shown = std::max<std::int64_t>(0, segment.shown - clock_start);
  GST_BUFFER_PTS(buffer.get()) = gstkit::to_clock_time(shown, clock_rate);
  GST_BUFFER_DURATION(buffer.get()) = gstkit::to_clock_time(segment.end - segment.begin, clock_rate);
  if (!segment.independent) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
  return gst_pad_push(src_, buffer.release());
}

// The event of GStreamer's video library (gst_video_event_new_upstream_force_key_unit), which encoders know.
void TsMuxer::request_key_frame(GstPad* pad, std::int64_t segment_begin) const {
  const std::int64_t running = std::max<std::int64_t>(0, segment_begin + wishes_.segment_ticks - clock_start);
  GstStructure* const wish = gst_structure_new("GstForceKeyUnit", "running-time", GST_TYPE_CLOCK_TIME,
                                               gstkit::to_clock_time(running, clock_rate), "all-headers",
                                               G_TYPE_BOOLEAN, TRUE, "count", G_TYPE_UINT, 0U, nullptr);
  gst_pad_push_event(pad, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, wish));
}

// REQUIRES: the stream lock of src is held
void TsMuxer::announce() {
  if (!std::exchange(announced_, true)) {
    // Of several streams, so that there is no upstream id to derive it from.
    const gstkit::TextPtr id{g_strdup_printf("tspackager/%08x", g_random_int())};
    GstEvent* const start = gst_event_new_stream_start(id.get());
    gst_event_set_group_id(start, gst_util_group_id_next());
    gst_pad_push_event(src_, start);
    const auto caps = Ref<GstCaps>::adopt(gst_caps_from_string(gstkit::ts_caps_template));
    gst_pad_push_event(src_, gst_event_new_caps(caps.get()));
  }
  if (std::exchange(has_sent_segment_, true)) return;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(src_, gst_event_new_segment(&segment));
}

// ---- events

bool TsMuxer::sink_event(GstPad* pad, Ref<GstEvent> event) {
  Input& input = input_of(pad);
  switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_CAPS:
      return take_caps(input, event.get());
    case GST_EVENT_SEGMENT: {
      const GstSegment* segment = nullptr;
      gst_event_parse_segment(event.get(), &segment);
      if (segment->format == GST_FORMAT_TIME) {
        gst_segment_copy_into(segment, &input.segment);
        return true;
      }
      gstkit::post_error(element_, unsupported("tspackager: a segment that is not in time"));
      return false;
    }
    case GST_EVENT_GAP:
      return take_gap(input, event.get());
    case GST_EVENT_TAG:
      take_tags(input, event.get());
      return true;
    case GST_EVENT_FLUSH_START:
      return begin_flush(input, std::move(event));
    case GST_EVENT_FLUSH_STOP:
      return end_flush(input, std::move(event));
    case GST_EVENT_EOS:
      return end(input, event.get());
    default:
      break;
  }
  if (const auto announced = gstkit::parse<gstkit::TrackAnnounced>(event.get())) {
    const std::lock_guard lock{mutex_};
    cutter_.set_language(input.id, isobmff::three_letter_code(announced->track.language));
  }
  return true;  // what else is said of one stream is not said of the segments
}

bool TsMuxer::take_caps(Input& input, GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  take_all(input, input.dates.finish());  // they are of the caps before
  if (Status status = input.stream.set_caps(caps); !status) {
    gstkit::post_error(element_, status.error());
    return false;
  }
  const std::string name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
  input.is_video = name.starts_with("video/");
  const std::lock_guard lock{mutex_};
  cutter_.set_kind(input.id, input.is_video ? codecs::Kind::video : codecs::Kind::audio);
  return true;
}

bool TsMuxer::take_gap(Input& input, GstEvent* event) {
  GstClockTime time = GST_CLOCK_TIME_NONE;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  gst_event_parse_gap(event, &time, &duration);
  if (GST_CLOCK_TIME_IS_VALID(duration)) time += duration;
  const auto ticks = ticks_of(input, time);
  if (!ticks) return true;
  {
    const std::lock_guard lock{mutex_};
    cutter_.advance(input.id, *ticks);
    changed_.notify_all();
  }
  push_ready();
  return true;
}

void TsMuxer::take_tags(const Input& input, GstEvent* event) {
  GstTagList* tags = nullptr;
  gst_event_parse_tag(event, &tags);
  char* raw = nullptr;
  if (gst_tag_list_get_string(tags, GST_TAG_LANGUAGE_CODE, &raw) == FALSE) return;
  const gstkit::TextPtr language{raw};
  const std::lock_guard lock{mutex_};
  cutter_.set_language(input.id, isobmff::three_letter_code(language.get()));
}

bool TsMuxer::begin_flush(Input& input, Ref<GstEvent> event) {
  {
    const std::lock_guard lock{mutex_};
    input.flushing = true;
    changed_.notify_all();
    if (std::exchange(flushing_, true)) return true;  // another pad has said it
  }
  return gst_pad_push_event(src_, event.release()) != FALSE;
}

// Goes on when no pad is flushing any more.
bool TsMuxer::end_flush(Input& input, Ref<GstEvent> event) {
  const gstkit::StreamLock stream{src_};
  {
    const std::lock_guard lock{mutex_};
    input.flushing = false;
    input.dates = {};
    gst_segment_init(&input.segment, GST_FORMAT_TIME);
    cutter_.forget(input.id);
    const auto is_flushing = [](const auto& other) { return other->flushing; };
    if (std::any_of(inputs_.begin(), inputs_.end(), is_flushing)) return true;
    flow_ = GST_FLOW_OK;
    flushing_ = ended_ = false;
    has_sent_segment_ = false;
  }
  return gst_pad_push_event(src_, event.release()) != FALSE;
}

bool TsMuxer::end(Input& input, GstEvent* event) {
  take_all(input, input.dates.finish());
  {
    const std::lock_guard lock{mutex_};
    cutter_.end(input.id);
    eos_seqnum_ = gst_event_get_seqnum(event);
    changed_.notify_all();
  }
  push_ready();
  return true;
}

}  // namespace tarn::package
