// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "gstkit/debug.h"
#include "gstkit/live_clock.h"
#include "gstkit/ref.h"
#include "package/stream_input.h"
#include "package/ts_cutter.h"
#include "package/unit_dates.h"

namespace tarn::package {

// The request pads of tspackager: elementary streams in, segments out of `src` on the thread that completes
// them. Has no thread and no queue of its own; a pad that is far ahead of another waits in its chain.
class TsMuxer {
 public:
  // Running time 0 is this, so that no timestamp is below zero: B-frames are decoded before it.
  static constexpr std::int64_t clock_start = 900'000;

  TsMuxer(GstElement* element, GstPad* src) : element_(element), src_(src), live_(element) {}
  ~TsMuxer();

  // A pad, not yet added to the element; its functions are the caller's. nullptr: the name is taken.
  GstPad* open(GstPadTemplate* pad_template, const gchar* name);
  // It could not be added, and is gone.
  void forget(GstPad* pad);
  // Before the pad is removed from the element.
  void close(GstPad* pad);
  [[nodiscard]] bool has_pads();
  [[nodiscard]] bool waits();  // has several

  struct Wishes {
    std::int64_t segment_ticks = 0;
    bool requests = false;      // upstream is asked for a key frame where each segment is to end
    GstClockTime patience = 0;  // with live streams, beyond their latency
  };
  void start(const Wishes& wishes);
  void stop();  // wakes who waits; before the pads are deactivated

  GstFlowReturn chain(GstPad* pad, gstkit::Ref<GstBuffer> buffer);
  bool sink_event(GstPad* pad, gstkit::Ref<GstEvent> event);
  // The latency of the pipeline has changed.
  void ask_latency() { live_.forget(); }

 private:
  // What belongs to its streaming thread, but for `flushing`.
  struct Input {
    TsCutter::InputId id = 0;
    GstPad* pad = nullptr;
    StreamInput stream;
    UnitDates dates;
    bool is_video = false;
    std::shared_ptr<const codecs::StreamInfo> info;
    GstSegment segment;
    std::uint64_t dropped = 0;
    gstkit::WarningLimiter warnings;
    bool flushing = false;      // mutex_
    bool told_missing = false;  // mutex_
    bool told_waiting = false;
  };
  // What is to be said when mutex_ is no longer held.
  struct News {
    gstkit::Ref<GstPad> pad;
    bool is_missing = false;
  };
  struct Next {
    std::optional<TsSegment> segment;
    bool is_end = false;        // EOS is due
    gstkit::Ref<GstPad> maker;  // of segments, where it is to be asked for key frames
    guint32 seqnum = GST_SEQNUM_INVALID;
    std::vector<News> news;
  };

  static Input& input_of(GstPad* pad);
  [[nodiscard]] static std::optional<std::int64_t> ticks_of(const Input& input, GstClockTime time);
  static Result<std::optional<TsUnit>> unit_of(Input& input, CameUnit came);
  GstFlowReturn take_all(Input& input, std::vector<CameUnit> units);
  void drop(Input& input, const char* why);
  GstFlowReturn take(Input& input, TsUnit unit);
  void note_due();
  void wait_for_others(Input& input, std::unique_lock<std::mutex>& lock);
  Next take_next();
  std::vector<News> take_news();
  // What can be sent now, and EOS behind the last of it.
  GstFlowReturn push_ready();
  GstFlowReturn push(const TsSegment& segment);
  void request_key_frame(GstPad* pad, std::int64_t segment_begin) const;
  void announce();

  bool take_caps(Input& input, GstEvent* event);
  bool take_gap(Input& input, GstEvent* event);
  void take_tags(const Input& input, GstEvent* event);
  bool begin_flush(Input& input, gstkit::Ref<GstEvent> event);
  bool end_flush(Input& input, gstkit::Ref<GstEvent> event);
  bool end(Input& input, GstEvent* event);
  static void reset(Input& input);

  GstElement* element_;
  GstPad* src_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Input>> inputs_;
  TsCutter cutter_{0};
  GstFlowReturn flow_ = GST_FLOW_OK;  // what downstream said last: the answer to every pad
  bool stopped_ = true;
  bool flushing_ = false;  // downstream
  bool has_requested_ = false;
  Wishes wishes_;
  gstkit::LiveClock live_;
  bool ended_ = false;  // EOS has been sent
  guint32 eos_seqnum_ = GST_SEQNUM_INVALID;
  std::uint64_t next_id_ = 0;
  // The stream lock of src
  bool announced_ = false;         // stream-start and caps
  bool has_sent_segment_ = false;  // the event
};

}  // namespace tarn::package
