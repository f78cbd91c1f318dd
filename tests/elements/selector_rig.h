// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/check/gsttestclock.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "ingest/gstingestselector.h"
#include "media.h"

namespace tarn::test {

// An ingestselector on a test clock; its source pads are linked to pads that write down, as one line each,
// what comes out of all of them, in order.
class SelectorRig {
 public:
  explicit SelectorRig(GstClockTime target_duration = 2 * GST_SECOND) {
    GST_ELEMENT_REGISTER(ingestselector, nullptr);
    element_ = Ref<GstElement>::adopt(gst_element_factory_make("ingestselector", nullptr));
    clock_ = Ref<GstTestClock>::adopt(GST_TEST_CLOCK(gst_test_clock_new_with_start_time(1000 * GST_SECOND)));
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_clock(element_.get(), GST_CLOCK(clock_.get()));
    gst_element_set_bus(element_.get(), bus_.get());
    g_object_set(element_.get(), "target-duration", target_duration, nullptr);
    g_signal_connect(element_.get(), "pad-added",
                     G_CALLBACK(+[](GstElement*, GstPad* pad, SelectorRig* rig) { rig->take(pad); }), this);
  }
  ~SelectorRig() {
    stop();
    for (auto& [name, pad] : sinks_) gst_element_release_request_pad(element_.get(), pad.get());
    gst_element_set_bus(element_.get(), nullptr);
    // The recording pads die with this.
    for (auto& pad : recorders_) gst_pad_set_active(pad.get(), FALSE);
  }
  SelectorRig(const SelectorRig&) = delete;
  SelectorRig& operator=(const SelectorRig&) = delete;

  void start() { gst_element_set_state(element_.get(), GST_STATE_PLAYING); }
  void stop() { gst_element_set_state(element_.get(), GST_STATE_NULL); }
  GstElement* element() { return element_.get(); }
  GstTestClock* clock() { return clock_.get(); }
  GstBus* bus() { return bus_.get(); }

  // ---- in

  GstPad* pad(const std::string& name) {
    auto& pad = sinks_[name];
    if (!pad) pad = Ref<GstPad>::adopt(gst_element_request_pad_simple(element_.get(), name.c_str()));
    return pad.get();
  }
  void release(const std::string& name) {
    gst_element_release_request_pad(element_.get(), pad(name));
    sinks_.erase(name);
  }
  bool send(const std::string& name, Ref<GstEvent> event) {
    return gst_pad_send_event(pad(name), event.release()) != FALSE;
  }
  // Announces track `key` on the pad; `keys`: all of the input.
  void begin(const std::string& name, const std::string& key, const codecs::StreamInfo& info,
             const std::vector<std::string>& keys) {
    send(name, Ref<GstEvent>::adopt(gst_event_new_stream_start(name.c_str())));
    send(name, Ref<GstEvent>::adopt(gst_event_new_caps(gstkit::caps_of(info)->get())));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    send(name, Ref<GstEvent>::adopt(gst_event_new_segment(&segment)));
    gstkit::TrackAnnounced announced;
    announced.track.key = key;
    announced.track.variants = {{.variant = 0, .bandwidth = 1'000'000, .average_bandwidth = 0}};
    send(name, to_event(announced));
    send(name, to_event(gstkit::TracksAnnounced{keys}));
  }
  // Input 1 or 2 with one video track, or one video and one audio track.
  void begin_video(int input) { begin(name(input, 0), "v0", h264_info(), {"v0"}); }
  void begin_both(int input) {
    begin(name(input, 0), "v0", h264_info(), {"v0", "a0"});
    begin(name(input, 1), "a0", aac_info(), {"v0", "a0"});
  }
  GstFlowReturn push(const std::string& name, Ref<GstBufferList> list) {
    return gst_pad_chain_list(pad(name), list.release());
  }
  GstFlowReturn push_gop(int input, std::int64_t start, int frames = 25) {
    return push(name(input, 0), list_of(gop(start, frames), 90'000));
  }
  GstFlowReturn push_audio(int input, std::int64_t start, int frames) {
    return push(name(input, 1), list_of(audio(start, frames), 48'000));
  }
  void end_segment(int input, int tracks = 1) {
    for (int i = 0; i < tracks; ++i) send(name(input, i), to_event(gstkit::SegmentEnd{}));
  }
  void advance() { g_signal_emit_by_name(element_.get(), "advance"); }
  static std::string name(int input, int track) {
    return "ingest" + std::to_string(input) + "_" + std::to_string(track);
  }

  // ---- out

  std::vector<std::string> take_log() {
    const std::lock_guard lock{mutex_};
    return std::exchange(log_, {});
  }
  // Waits for a line; only for what other threads bring.
  bool wait_for(const std::string& line) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{10},
                             [&] { return std::find(log_.begin(), log_.end(), line) != log_.end(); });
  }
  void answer_with(GstFlowReturn flow) { flow_ = flow; }
  std::string next_element_message() {
    const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ELEMENT));
    if (!message) return {};
    return gstkit::TextPtr{gst_structure_to_string(gst_message_get_structure(message.get()))}.get();
  }

 private:
  static SelectorRig* rig_of(GstPad* pad) {
    return static_cast<SelectorRig*>(gst_pad_get_element_private(pad));
  }

  void take(GstPad* source) {
    if (GST_PAD_IS_SINK(source)) return;
    auto sink = Ref<GstPad>::adopt(gst_pad_new(GST_PAD_NAME(source), GST_PAD_SINK));
    gst_pad_set_element_private(sink.get(), this);
    gst_pad_set_event_function(
        sink.get(), +[](GstPad* pad, GstObject*, GstEvent* event) -> gboolean {
          const auto held = Ref<GstEvent>::adopt(event);
          rig_of(pad)->write(std::string{GST_PAD_NAME(pad)} + " " + describe(event));
          return TRUE;
        });
    gst_pad_set_chain_list_function(
        sink.get(), +[](GstPad* pad, GstObject*, GstBufferList* list) {
          const auto held = Ref<GstBufferList>::adopt(list);
          rig_of(pad)->write(std::string{GST_PAD_NAME(pad)} + " " + describe(list));
          return rig_of(pad)->flow_;
        });
    gst_pad_set_active(sink.get(), TRUE);
    EXPECT_EQ(gst_pad_link(source, sink.get()), GST_PAD_LINK_OK);
    recorders_.push_back(std::move(sink));
  }

  void write(std::string line) {
    const std::lock_guard lock{mutex_};
    log_.push_back(std::move(line));
    changed_.notify_all();
  }

  static std::string describe(GstEvent* event) {
    if (const auto track = gstkit::parse<gstkit::TrackAnnounced>(event)) return "track " + track->track.key;
    if (const auto stretch = gstkit::parse<gstkit::StretchBegin>(event)) {
      std::string text =
          "stretch " + std::to_string(stretch->id) + " from " + std::to_string(stretch->first_slot);
      for (std::size_t i = 0; i < stretch->keys.size(); ++i) {
        text += " " + stretch->keys[i] + "=" + std::to_string(stretch->tracks[i]);
      }
      return text;
    }
    if (const auto part = gstkit::parse<gstkit::PartBegin>(event)) {
      return "part of " + std::to_string(part->slot) + " at " + std::to_string(part->start) + " by " +
             std::to_string(part->input + 1);
    }
    if (const auto slot = gstkit::parse<gstkit::SlotComplete>(event)) {
      std::string text = "slot " + std::to_string(slot->slot.number);
      for (const auto id : slot->slot.missing) text += " without " + std::to_string(id);
      return text;
    }
    if (gstkit::parse<gstkit::StreamEnded>(event)) return "ended";
    return GST_EVENT_TYPE_NAME(event);
  }
  // Number of buffers, the first byte, and the first DTS in ticks of 90 kHz.
  static std::string describe(GstBufferList* list) {
    GstBuffer* first = gst_buffer_list_get(list, 0);
    return std::to_string(gst_buffer_list_length(list)) + " buffers, mark " +
           std::to_string(bytes_of(first)[0]) + ", dts " +
           std::to_string(gstkit::to_ticks(GST_BUFFER_DTS(first), 90'000));
  }

  Ref<GstElement> element_;
  Ref<GstTestClock> clock_;
  Ref<GstBus> bus_;
  std::map<std::string, Ref<GstPad>> sinks_;
  std::vector<Ref<GstPad>> recorders_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> log_;
  GstFlowReturn flow_ = GST_FLOW_OK;
};

}  // namespace tarn::test
