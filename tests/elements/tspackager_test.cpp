// SPDX-License-Identifier: Apache-2.0
#include "package/gsttspackager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "core/base/text.h"
#include "core/mpegts/demuxer.h"
#include "media.h"
#include "package/ts_muxer.h"
#include "tests/support/command.h"

namespace tarn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t frame_ticks = 3'600;  // 25 fps
constexpr GstClockTime frame_time = 40 * GST_MSECOND;
constexpr std::int64_t clock_start = package::TsMuxer::clock_start;

struct HarnessDeleter {
  void operator()(GstHarness* harness) const { gst_harness_teardown(harness); }
};
using Harness = std::unique_ptr<GstHarness, HarnessDeleter>;

// One access unit of H.264 as parsers send it, length-prefixed.
Ref<GstBuffer> picture(GstClockTime time, bool sync) {
  const ByteVector bytes{0, 0, 0, 4, static_cast<std::uint8_t>(sync ? 0x65 : 0x41), 0x88, 0x84, 0x21};
  auto buffer = gstkit::buffer_of(Blob::copy_of(bytes));
  GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
  GST_BUFFER_DURATION(buffer.get()) = frame_time;
  if (!sync) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

Ref<GstBuffer> frame(GstClockTime time) {
  auto buffer = gstkit::buffer_of(Blob::copy_of(ByteVector{0x21, 0x10, 0x04, 0x60}));
  GST_BUFFER_PTS(buffer.get()) = time;
  GST_BUFFER_DURATION(buffer.get()) = gstkit::to_clock_time(1024, 48'000);
  return buffer;
}
GstClockTime frame_start(int index) { return gstkit::to_clock_time(std::int64_t{1024} * index, 48'000); }

class TsPackager : public ::testing::Test {
 protected:
  TsPackager() {
    GST_ELEMENT_REGISTER(tspackager, nullptr);
    element_ = Ref<GstElement>::adopt(gst_element_factory_make("tspackager", nullptr));
    g_object_set(element_.get(), "segment-duration", 2U, nullptr);
    video_.reset(gst_harness_new_with_element(element_.get(), "sink_0", "src"));
  }
  void add_audio() { audio_.reset(gst_harness_new_with_element(element_.get(), "sink_1", nullptr)); }
  void begin_both() {
    add_audio();
    begin(video_, h264_info());
    begin(audio_, aac_info());
  }

  static bool push(const Harness& harness, GstEvent* event) {
    return gst_harness_push_event(harness.get(), event) != FALSE;
  }
  static GstFlowReturn push(const Harness& harness, Ref<GstBuffer> buffer) {
    return gst_harness_push(harness.get(), buffer.release());
  }
  static bool push_caps(const Harness& harness, const codecs::StreamInfo& info) {
    return push(harness, gst_event_new_caps(gstkit::caps_of(info)->get()));
  }
  static void begin(const Harness& harness, const codecs::StreamInfo& info) {
    push(harness, gst_event_new_stream_start("test"));
    push_caps(harness, info);
    push_segment(harness);
  }
  static void push_segment(const Harness& harness) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    push(harness, gst_event_new_segment(&segment));
  }
  // `count` pictures from `first` on, each 25th a sync sample.
  GstFlowReturn push_pictures(int first, int count) {
    GstFlowReturn flow = GST_FLOW_OK;
    for (int i = first; i < first + count && flow == GST_FLOW_OK; ++i)
      flow = push(video_, picture(static_cast<GstClockTime>(i) * frame_time, i % 25 == 0));
    return flow;
  }
  GstFlowReturn push_frames(int first, int count) {
    GstFlowReturn flow = GST_FLOW_OK;
    for (int i = first; i < first + count && flow == GST_FLOW_OK; ++i)
      flow = push(audio_, frame(frame_start(i)));
    return flow;
  }
  [[nodiscard]] Ref<GstBuffer> pull() const {
    return Ref<GstBuffer>::adopt(gst_harness_try_pull(video_.get()));
  }
  [[nodiscard]] unsigned waiting() const { return gst_harness_buffers_in_queue(video_.get()); }
  static codecs::MediaSegment read(const Ref<GstBuffer>& segment) {
    if (!segment) return {};
    const ByteVector bytes = bytes_of(segment.get());
    EXPECT_EQ(bytes.size() % 188, 0U);
    auto read = mpegts::demux(bytes);
    EXPECT_TRUE(read) << read.error().message;
    return read ? std::move(*read) : codecs::MediaSegment{};
  }
  // How many units each stream of the segment has.
  static std::vector<std::size_t> counts(const codecs::MediaSegment& segment) {
    std::vector<std::size_t> all;
    for (const auto& stream : segment.streams) all.push_back(stream.units.size());
    return all;
  }
  std::vector<std::string> pull_events() const {
    std::vector<std::string> names;
    while (const auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_event(video_.get())))
      names.emplace_back(GST_EVENT_TYPE_NAME(event.get()));
    return names;
  }

  Ref<GstElement> element_;
  Harness video_;
  Harness audio_;
};

TEST_F(TsPackager, ASegmentEndsInFrontOfTheKeyFrameThatMakesItLongEnough) {
  begin(video_, h264_info());
  EXPECT_EQ(push_pictures(0, 50), GST_FLOW_OK);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(push_pictures(50, 1), GST_FLOW_OK);
  const auto segment = pull();
  ASSERT_TRUE(segment);
  EXPECT_EQ(GST_BUFFER_PTS(segment.get()), 0U);
  EXPECT_EQ(GST_BUFFER_DURATION(segment.get()), 2 * GST_SECOND);
  const auto content = read(segment);
  ASSERT_THAT(counts(content), ElementsAre(50));
  EXPECT_EQ(content.streams[0].units[0].pts, clock_start);
  EXPECT_EQ(content.streams[0].units[49].dts, clock_start + 49 * frame_ticks);
}

TEST_F(TsPackager, AudioIsWaitedForAndCutWhereTheVideoIs) {
  begin_both();
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_OK);
  EXPECT_EQ(push_frames(0, 93), GST_FLOW_OK);  // 1.984 s
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(push_frames(93, 2), GST_FLOW_OK);
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, 94));  // the frame at 1.984 s is decoded before 2 s
}

TEST_F(TsPackager, TheVideoMakesTheSegmentsEvenIfItIsKnownLast) {
  const auto element = Ref<GstElement>::adopt(gst_element_factory_make("tspackager", nullptr));
  g_object_set(element.get(), "segment-duration", 2U, nullptr);
  audio_.reset(gst_harness_new_with_element(element.get(), "sink_0", nullptr));
  video_.reset(gst_harness_new_with_element(element.get(), "sink_1", "src"));
  begin(audio_, aac_info());
  EXPECT_EQ(push_frames(0, 150), GST_FLOW_OK);
  begin(video_, h264_info());
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_OK);
  EXPECT_THAT(counts(read(pull())), ::testing::UnorderedElementsAre(50, 94));
  audio_.reset();
  video_.reset();
}

// As h264parse sends a stream that is cut out of another.
TEST_F(TsPackager, FirstUnitsWithoutTimesAreDatedFromWhatFollows) {
  begin(video_, h264_info());
  const auto push_unit = [&](GstClockTime dts, GstClockTime pts, bool sync = false) {
    auto unit = picture(0, sync);
    GST_BUFFER_DTS(unit.get()) = dts;
    GST_BUFFER_PTS(unit.get()) = pts;
    GST_BUFFER_DURATION(unit.get()) = 1'000;  // of a frame rate that nobody believes
    return push(video_, std::move(unit));
  };
  EXPECT_EQ(push_unit(GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, true), GST_FLOW_OK);
  EXPECT_EQ(push_unit(GST_CLOCK_TIME_NONE, 4 * frame_time), GST_FLOW_OK);
  EXPECT_EQ(push_unit(2 * frame_time, 2 * frame_time), GST_FLOW_OK);
  EXPECT_EQ(push_unit(1 * frame_time, 1 * frame_time), GST_FLOW_OK);
  for (GstClockTime i = 2; i < 9; ++i)
    EXPECT_EQ(push_unit(i * frame_time, (i + 3) * frame_time), GST_FLOW_OK);
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  const auto content = read(pull());
  ASSERT_THAT(counts(content), ElementsAre(11));
  const auto& units = content.streams[0].units;
  EXPECT_TRUE(units[0].sync);
  EXPECT_EQ(units[0].dts, clock_start - 2 * frame_ticks);
  EXPECT_EQ(units[0].pts, clock_start);
  EXPECT_EQ(units[1].dts, clock_start - 1 * frame_ticks);
  EXPECT_EQ(units[1].pts, clock_start + 4 * frame_ticks);
  EXPECT_EQ(units[2].dts, clock_start);
  EXPECT_EQ(units[2].pts, clock_start + 2 * frame_ticks);
}

TEST_F(TsPackager, FirstFramesWithoutTimesAreDatedFromWhatFollows) {
  add_audio();
  begin(audio_, aac_info());
  EXPECT_TRUE(push(video_, gst_event_new_stream_start("test")));
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(push(audio_, frame(GST_CLOCK_TIME_NONE)), GST_FLOW_OK);
  EXPECT_EQ(push_frames(1, 10), GST_FLOW_OK);
  EXPECT_TRUE(push(audio_, gst_event_new_eos()));
  const auto content = read(pull());
  ASSERT_THAT(counts(content), ElementsAre(13));
  EXPECT_EQ(content.streams[0].units[0].pts, clock_start - 2 * 1'920);
}

TEST_F(TsPackager, WhatIsHeldForATimeThatNeverComesEndsWithTheStream) {
  begin(video_, h264_info());
  EXPECT_EQ(push(video_, picture(GST_CLOCK_TIME_NONE, true)), GST_FLOW_OK);
  EXPECT_EQ(push(video_, picture(0, true)), GST_FLOW_OK);
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  EXPECT_THAT(counts(read(pull())), ElementsAre(1));
}

// As tsdemux sends what follows a joint before it has seen the new clock.
TEST_F(TsPackager, UnitsFromFarAwayGoInFrontOfWhatFollows) {
  begin(video_, h264_info());
  EXPECT_EQ(push_pictures(0, 10), GST_FLOW_OK);
  constexpr GstClockTime away = 95'307 * GST_SECOND;
  EXPECT_EQ(push(video_, picture(away, true)), GST_FLOW_OK);
  EXPECT_EQ(push(video_, picture(away + frame_time, false)), GST_FLOW_OK);
  EXPECT_EQ(push_pictures(12, 10), GST_FLOW_OK);
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  const auto content = read(pull());
  ASSERT_THAT(counts(content), ElementsAre(22));
  EXPECT_EQ(content.streams[0].units[10].dts, clock_start + 10 * frame_ticks);
  EXPECT_EQ(content.streams[0].units[11].dts, clock_start + 11 * frame_ticks);
}

TEST_F(TsPackager, AHoleOfHoursIsOne) {
  begin(video_, h264_info());
  EXPECT_EQ(push_pictures(0, 10), GST_FLOW_OK);
  EXPECT_EQ(push_pictures(25 * 7'200, 40), GST_FLOW_OK);
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  EXPECT_THAT(counts(read(pull())), ElementsAre(10));
  EXPECT_THAT(counts(read(pull())), ElementsAre(40));
}

TEST_F(TsPackager, EosComesOnceWhenEveryPadGotItWithTheRestInFrontOfIt) {
  begin_both();
  EXPECT_EQ(push_pictures(0, 30), GST_FLOW_OK);
  EXPECT_EQ(push_frames(0, 70), GST_FLOW_OK);
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  EXPECT_EQ(waiting(), 0U);
  EXPECT_TRUE(push(audio_, gst_event_new_eos()));
  EXPECT_THAT(counts(read(pull())), ElementsAre(30, 70));
  EXPECT_THAT(pull_events(), ElementsAre("stream-start", "caps", "segment", "eos"));
}

TEST_F(TsPackager, WhoHasEnoughGetsEosAllTheSame) {
  begin(video_, h264_info());
  gst_pad_set_chain_function(video_->sinkpad, [](GstPad*, GstObject*, GstBuffer* buffer) {
    gst_buffer_unref(buffer);
    return GST_FLOW_EOS;
  });
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_EOS);
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  EXPECT_THAT(pull_events(), ElementsAre("stream-start", "caps", "segment", "eos"));
}

TEST_F(TsPackager, EosWithoutAnythingIsPassedOn) {
  EXPECT_TRUE(push(video_, gst_event_new_stream_start("test")));
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  EXPECT_THAT(pull_events(), ElementsAre("stream-start", "caps", "segment", "eos"));
}

TEST_F(TsPackager, AudioGoesOnInItsOwnSegmentsWhenTheVideoIsOver) {
  begin_both();
  EXPECT_EQ(push_pictures(0, 50), GST_FLOW_OK);
  EXPECT_TRUE(push(video_, gst_event_new_eos()));
  EXPECT_EQ(push_frames(0, 300), GST_FLOW_OK);  // 6.4 s
  EXPECT_TRUE(push(audio_, gst_event_new_eos()));
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, 94));
  EXPECT_THAT(counts(read(pull())), ElementsAre(94));
  EXPECT_THAT(counts(read(pull())), ElementsAre(94));
  EXPECT_THAT(counts(read(pull())), ElementsAre(18));
}

TEST_F(TsPackager, AGapIsAsGoodAsMedia) {
  begin_both();
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_OK);
  EXPECT_EQ(push_frames(0, 10), GST_FLOW_OK);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_TRUE(push(audio_, gst_event_new_gap(frame_start(10), 2 * GST_SECOND)));
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, 10));
}

TEST_F(TsPackager, APadThatIsReleasedIsNotWaitedFor) {
  add_audio();
  begin(video_, h264_info());
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_OK);
  EXPECT_EQ(waiting(), 0U);
  audio_.reset();  // releases the pad that the harness requested
  EXPECT_THAT(counts(read(pull())), ElementsAre(50));
}

TEST_F(TsPackager, NewParametersOfTheVideoBeginASegment) {
  begin(video_, h264_info());
  EXPECT_EQ(push_pictures(0, 25), GST_FLOW_OK);
  auto other = h264_info();
  other.config[3] = 31;  // level 3.1
  other.codec_string = "avc1.42C01F";
  push_caps(video_, other);
  EXPECT_EQ(push_pictures(25, 1), GST_FLOW_OK);
  const auto first = pull();
  EXPECT_EQ(GST_BUFFER_DURATION(first.get()), GST_SECOND);
  EXPECT_THAT(counts(read(first)), ElementsAre(25));
}

TEST_F(TsPackager, NewParametersOfTheAudioStayInTheSegment) {
  begin_both();
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_OK);
  EXPECT_EQ(push_frames(0, 47), GST_FLOW_OK);
  push_caps(audio_, *codecs::aac::stream_info_from_config(ByteVector{0x11, 0x88}));  // mono
  EXPECT_EQ(push_frames(47, 50), GST_FLOW_OK);
  const auto content = read(pull());
  EXPECT_THAT(counts(content), ElementsAre(50, 94));
  EXPECT_EQ(content.continuity_errors, 0U);
  ASSERT_EQ(content.streams[1].configs.size(), 2U);
  EXPECT_EQ(content.streams[1].configs[0].channels, 2U);
  EXPECT_EQ(content.streams[1].configs[1].channels, 1U);
}

TEST_F(TsPackager, TheLanguageOfATagIsThatOfTheStream) {
  begin_both();
  push(audio_, gst_event_new_tag(gst_tag_list_new(GST_TAG_LANGUAGE_CODE, "de", nullptr)));
  EXPECT_EQ(push_frames(0, 10), GST_FLOW_OK);
  EXPECT_EQ(push_pictures(0, 10), GST_FLOW_OK);
  push(video_, gst_event_new_eos());
  push(audio_, gst_event_new_eos());
  const auto content = read(pull());
  ASSERT_EQ(content.streams.size(), 2U);
  EXPECT_EQ(content.streams[1].language, "deu");
}

TEST_F(TsPackager, AfterAFlushItGoesOnFromAnywhere) {
  begin(video_, h264_info());
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_OK);
  EXPECT_TRUE(pull());
  pull_events();
  EXPECT_TRUE(push(video_, gst_event_new_flush_start()));
  EXPECT_EQ(push_pictures(60, 1), GST_FLOW_FLUSHING);
  EXPECT_TRUE(push(video_, gst_event_new_flush_stop(TRUE)));
  push_segment(video_);
  EXPECT_EQ(push_pictures(25, 51), GST_FLOW_OK);
  const auto segment = pull();
  EXPECT_EQ(GST_BUFFER_PTS(segment.get()), GST_SECOND);
  EXPECT_THAT(counts(read(segment)), ElementsAre(50));
  EXPECT_THAT(pull_events(), ElementsAre("flush-start", "flush-stop", "segment"));
}

TEST_F(TsPackager, TheFlushesOfSeveralPadsAreOne) {
  begin_both();
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_OK);
  EXPECT_EQ(push_frames(0, 100), GST_FLOW_OK);
  EXPECT_TRUE(pull());
  pull_events();
  for (const Harness* pad : {&video_, &audio_}) EXPECT_TRUE(push(*pad, gst_event_new_flush_start()));
  for (const Harness* pad : {&video_, &audio_}) EXPECT_TRUE(push(*pad, gst_event_new_flush_stop(TRUE)));
  EXPECT_THAT(pull_events(), ElementsAre("flush-start", "flush-stop"));
}

TEST_F(TsPackager, RunningTimesOfTheSegmentEventCount) {
  push(video_, gst_event_new_stream_start("test"));
  push_caps(video_, h264_info());
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = GST_SECOND;
  segment.base = 3 * GST_SECOND;
  push(video_, gst_event_new_segment(&segment));
  EXPECT_EQ(push_pictures(25, 51), GST_FLOW_OK);
  const auto made = pull();
  EXPECT_EQ(GST_BUFFER_PTS(made.get()), 3 * GST_SECOND);
  EXPECT_EQ(read(made).streams[0].units[0].pts, clock_start + 3 * 90'000);
}

TEST_F(TsPackager, ASegmentEventThatIsNotInTimeIsAnError) {
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element_.get(), bus.get());
  push(video_, gst_event_new_stream_start("test"));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  push(video_, gst_event_new_segment(&segment));
  EXPECT_TRUE(Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)));
  gst_element_set_bus(element_.get(), nullptr);
}

TEST_F(TsPackager, WhatDownstreamSaysIsTheAnswerToEveryPad) {
  const auto element = Ref<GstElement>::adopt(gst_element_factory_make("tspackager", nullptr));
  g_object_set(element.get(), "segment-duration", 2U, nullptr);
  video_.reset(gst_harness_new_with_element(element.get(), "sink_0", nullptr));  // src is not linked
  audio_.reset(gst_harness_new_with_element(element.get(), "sink_1", nullptr));
  begin(video_, h264_info());
  begin(audio_, aac_info());
  EXPECT_EQ(push_frames(0, 100), GST_FLOW_OK);
  EXPECT_EQ(push_pictures(0, 60), GST_FLOW_NOT_LINKED);
  EXPECT_EQ(push_frames(100, 1), GST_FLOW_NOT_LINKED);
  audio_.reset();
  video_.reset();
}

TEST_F(TsPackager, APadThatIsFarAheadWaitsForTheOthers) {
  begin_both();
  constexpr int pictures = 25 * 30;
  std::promise<GstFlowReturn> pushed;
  auto outcome = pushed.get_future();
  std::thread thread{[&] { pushed.set_value(push_pictures(0, pictures)); }};
  // It is stopped by no more than what it waits for: the audio.
  EXPECT_EQ(outcome.wait_for(std::chrono::milliseconds{200}), std::future_status::timeout);
  EXPECT_EQ(push_frames(0, 48 * 30), GST_FLOW_OK);
  EXPECT_EQ(outcome.get(), GST_FLOW_OK);
  thread.join();
  EXPECT_EQ(waiting(), 14U);
}

TEST_F(TsPackager, AFlushWakesAPadThatWaits) {
  begin_both();
  std::promise<GstFlowReturn> pushed;
  auto outcome = pushed.get_future();
  std::thread thread{[&] { pushed.set_value(push_pictures(0, 25 * 30)); }};
  EXPECT_EQ(outcome.wait_for(std::chrono::milliseconds{100}), std::future_status::timeout);
  push(video_, gst_event_new_flush_start());
  EXPECT_EQ(outcome.get(), GST_FLOW_FLUSHING);
  thread.join();
}

TEST_F(TsPackager, AStateChangeWakesAPadThatWaits) {
  begin_both();
  std::promise<GstFlowReturn> pushed;
  auto outcome = pushed.get_future();
  std::thread thread{[&] { pushed.set_value(push_pictures(0, 25 * 30)); }};
  EXPECT_EQ(outcome.wait_for(std::chrono::milliseconds{100}), std::future_status::timeout);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(outcome.get(), GST_FLOW_FLUSHING);
  thread.join();
}

TEST_F(TsPackager, StartsAnewAfterNull) {
  for (int round = 0; round < 3; ++round) {
    begin(video_, h264_info());
    EXPECT_EQ(push_pictures(0, 51), GST_FLOW_OK);
    EXPECT_THAT(counts(read(pull())), ElementsAre(50)) << "round " << round;
    EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state(element_.get(), GST_STATE_PLAYING);
  }
}

TEST_F(TsPackager, SaysThatItKeepsASegmentBack) {
  gst_harness_set_upstream_latency(video_.get(), 5 * GST_MSECOND);
  begin(video_, h264_info());
  EXPECT_EQ(gst_harness_query_latency(video_.get()), 2 * GST_SECOND + 5 * GST_MSECOND);
}

// ---- live: the harness says so, and its clock is the test's

class LiveTsPackager : public TsPackager {
 protected:
  LiveTsPackager() {
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(element_.get(), bus_.get());
  }
  ~LiveTsPackager() override { gst_element_set_bus(element_.get(), nullptr); }
  // Of the harness that came last, whose clock the element has.
  void set_time(GstClockTime time) const { gst_harness_set_time((audio_ ? audio_ : video_).get(), time); }
  // A second of video, and the time at which it is there.
  GstFlowReturn live_pictures(int second) {
    set_time(static_cast<GstClockTime>(second + 1) * GST_SECOND);
    return push_pictures(second * 25, 25);
  }
  [[nodiscard]] std::string warning() const {
    const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_WARNING));
    if (!message) return "";
    GError* raw = nullptr;
    gst_message_parse_warning(message.get(), &raw, nullptr);
    const gstkit::ErrorPtr error{raw};
    return error->message;
  }
  Ref<GstBus> bus_;
};

TEST_F(LiveTsPackager, SegmentsGoOnWithoutAStreamThatStops) {
  begin_both();
  for (int second = 0; second < 3; ++second) {
    EXPECT_EQ(live_pictures(second), GST_FLOW_OK);
    EXPECT_EQ(push_frames(second * 47, second < 1 ? 47 : 0), GST_FLOW_OK);  // it stops after a second
  }
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, 47));
  EXPECT_THAT(warning(), HasSubstr("sink_1"));
  EXPECT_EQ(live_pictures(3), GST_FLOW_OK);
  EXPECT_EQ(live_pictures(4), GST_FLOW_OK);
  EXPECT_THAT(counts(read(pull())), ElementsAre(50));  // of the audio no unit: the PMT has it all the same
  EXPECT_EQ(warning(), "") << "said once";
  EXPECT_EQ(push_frames(47, 188), GST_FLOW_OK);  // all of it, late: what belongs to 4 s and later is taken
  EXPECT_EQ(live_pictures(5), GST_FLOW_OK);
  EXPECT_EQ(push_frames(235, 94), GST_FLOW_OK);
  EXPECT_EQ(live_pictures(6), GST_FLOW_OK);
  const auto third = read(pull());
  EXPECT_THAT(counts(third), ElementsAre(50, ::testing::AnyOf(94, 95)));
  EXPECT_NEAR(static_cast<double>(third.streams[1].units[0].pts), clock_start + 4 * 90'000, 1'920);
}

TEST_F(LiveTsPackager, NobodyIsWaitedForLongerThanTheLatencyUpstreamAndItsOwn) {
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  g_object_set(element_.get(), "latency", 300 * GST_MSECOND, nullptr);
  gst_element_set_state(element_.get(), GST_STATE_PLAYING);
  begin_both();
  gst_harness_set_upstream_latency(video_.get(), 400 * GST_MSECOND);
  EXPECT_EQ(push_frames(0, 10), GST_FLOW_OK);
  set_time(2'650 * GST_MSECOND);
  EXPECT_EQ(push_pictures(0, 70), GST_FLOW_OK);
  EXPECT_EQ(waiting(), 0U);
  set_time(2'710 * GST_MSECOND);
  EXPECT_EQ(push_pictures(70, 1), GST_FLOW_OK);
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, 10));
}

// As those of an application that begins to push when the pipeline has been running for a while.
TEST_F(LiveTsPackager, StreamsThatAllLagBehindTheClockAreWaitedForAsEver) {
  begin_both();
  for (int second = 0; second < 5; ++second) {
    set_time(static_cast<GstClockTime>(second + 100) * GST_SECOND);
    for (int part = 0; part < 5; ++part) {
      EXPECT_EQ(push_pictures(second * 25 + part * 5, 5), GST_FLOW_OK);
      const int from = (second * 5 + part) * 9'600 / 1024;
      EXPECT_EQ(push_frames(from, (second * 5 + part + 1) * 9'600 / 1024 - from), GST_FLOW_OK);
    }
  }
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, 94));
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, 94));
  EXPECT_EQ(warning(), "");
}

// What may be late for longer than a pad may be ahead: the pad does not wait for ever.
TEST_F(LiveTsPackager, APatienceOfMoreThanThePadsMayDifferIsKept) {
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  g_object_set(element_.get(), "latency", 30 * GST_SECOND, nullptr);
  gst_element_set_state(element_.get(), GST_STATE_PLAYING);
  begin_both();
  for (int second = 0; second < 60; ++second) EXPECT_EQ(live_pictures(second), GST_FLOW_OK);
  EXPECT_GE(waiting(), 13U);
}

TEST_F(LiveTsPackager, AStreamThatNeverBeginsDoesNotHoldTheOthers) {
  add_audio();
  begin(video_, h264_info());
  for (int second = 0; second < 5; ++second) EXPECT_EQ(live_pictures(second), GST_FLOW_OK);
  EXPECT_THAT(counts(read(pull())), ElementsAre(50));
  EXPECT_THAT(warning(), HasSubstr("sink_1"));
  begin(audio_, aac_info());  // it may begin later
  EXPECT_EQ(push_frames(0, 400), GST_FLOW_OK);
  EXPECT_THAT(counts(read(pull())), ElementsAre(50));
  EXPECT_EQ(live_pictures(5), GST_FLOW_OK);
  EXPECT_EQ(live_pictures(6), GST_FLOW_OK);
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, ::testing::AnyOf(94, 95)));
}

TEST_F(LiveTsPackager, AudioHasSegmentsOfItsOwnWhileTheVideoIsAway) {
  begin_both();
  const auto go = [&](int second, bool has_video) {
    set_time(static_cast<GstClockTime>(second + 1) * GST_SECOND);
    const int from = second * 48'000 / 1024;
    EXPECT_EQ(push_frames(from, (second + 1) * 48'000 / 1024 - from), GST_FLOW_OK);
    EXPECT_EQ(push_pictures(second * 25, has_video ? 25 : 0), GST_FLOW_OK);
  };
  for (int second = 0; second < 16; ++second) go(second, second < 3 || second >= 10);
  std::vector<GstClockTime> starts;
  std::vector<GstClockTime> durations;
  std::size_t pictures = 0;
  std::size_t frames = 0;
  while (const auto segment = pull()) {
    starts.push_back(GST_BUFFER_PTS(segment.get()) / GST_MSECOND);
    durations.push_back(GST_BUFFER_DURATION(segment.get()) / GST_MSECOND);
    for (const auto& stream : read(segment).streams) {
      const bool is_video = codecs::kind_of(stream.codec) == codecs::Kind::video;
      (is_video ? pictures : frames) += stream.units.size();
    }
  }
  EXPECT_THAT(starts, ElementsAre(0, 2000, 3000, 5000, 7000, 9000, 10'000, 12'000));
  EXPECT_THAT(durations, ElementsAre(2000, 1000, 2000, 2000, 2000, 1000, 2000, 2000));
  EXPECT_EQ(pictures, (3U + 4U) * 25U);
  EXPECT_GT(frames, 600U);
  EXPECT_THAT(warning(), HasSubstr("sink_0"));
}

TEST_F(TsPackager, InAHoleOfTheVideoTheAudioHasSegmentsOfItsOwn) {
  begin_both();
  EXPECT_EQ(push_pictures(0, 50), GST_FLOW_OK);
  EXPECT_EQ(push_frames(0, 600), GST_FLOW_OK);     // 12.8 s
  EXPECT_EQ(push_pictures(200, 60), GST_FLOW_OK);  // from 8 s on
  EXPECT_THAT(counts(read(pull())), ElementsAre(50, 94));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(counts(read(pull())), ElementsAre(::testing::AnyOf(93, 94))) << i;
  const auto after = pull();
  EXPECT_EQ(GST_BUFFER_PTS(after.get()), 8 * GST_SECOND);
  EXPECT_THAT(counts(read(after)), ElementsAre(50, ::testing::AnyOf(93, 94)));
}

TEST_F(TsPackager, AHoleOfAllStreamsBeforeSoundAloneIsInNoSegment) {
  begin_both();
  EXPECT_EQ(push_pictures(0, 50), GST_FLOW_OK);
  EXPECT_EQ(push_frames(0, 94), GST_FLOW_OK);
  for (int i = 150; i < 600; ++i)
    EXPECT_EQ(push(audio_, frame(frame_start(i))), GST_FLOW_OK);  // from 3.2 s on
  EXPECT_EQ(push_pictures(300, 60), GST_FLOW_OK);                 // from 12 s on
  EXPECT_EQ(GST_BUFFER_PTS(pull().get()), 0U);
  const auto sound = pull();
  EXPECT_EQ(GST_BUFFER_PTS(sound.get()), 3'200 * GST_MSECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(sound.get()), 2 * GST_SECOND);
  EXPECT_EQ(read(sound).streams[0].units[0].pts, clock_start + 32 * 9'000);
}

TEST_F(TsPackager, AHoleOfAllStreamsIsInNoSegment) {
  begin(video_, h264_info());
  EXPECT_EQ(push_pictures(0, 30), GST_FLOW_OK);
  EXPECT_EQ(push_pictures(500, 51), GST_FLOW_OK);
  const auto before = pull();
  EXPECT_EQ(GST_BUFFER_DURATION(before.get()), 1200 * GST_MSECOND);
  const auto after = pull();
  EXPECT_EQ(GST_BUFFER_PTS(after.get()), 20 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(after.get()), 2 * GST_SECOND);
}

// ---- judged by ffprobe, ffmpeg and tsdemux

TEST_F(TsPackager, AsksTheEncoderForKeyFramesWhereSegmentsAreToEnd) {
  if (!has_elements({"x264enc", "h264parse"})) GTEST_SKIP() << "no x264enc";
  const TemporaryDirectory directory;
  const std::string path = directory.path().string();
  ASSERT_EQ(run_pipeline("videotestsrc num-buffers=250 ! video/x-raw,width=320,height=180,framerate=25/1 ! "
                         "x264enc key-int-max=1000 tune=zerolatency speed-preset=ultrafast ! h264parse ! "
                         "tspackager segment-duration=2 request-key-frames=true ! multifilesink location=" +
                         path + "/%d.ts"),
            "");
  for (int i = 0; i < 5; ++i) {
    auto segment = mpegts::demux(as_bytes(read_file(directory.path() / (std::to_string(i) + ".ts"))));
    ASSERT_TRUE(segment) << i;
    EXPECT_THAT(counts(*segment), ElementsAre(50)) << i;
    EXPECT_TRUE(segment->streams[0].units[0].sync) << i;
  }
}

struct LaunchCase {
  const char* name;
  const char* branches;  // "a ! b" of each pad, separated by '|'
  const char* elements;
  const char* counts;  // frames of each stream
  const char* parser;  // of the first stream, behind tsdemux
};
void PrintTo(const LaunchCase& launch, std::ostream* out) { *out << launch.name; }

#define TEST_VIDEO \
  "videotestsrc num-buffers=125 ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! "
#define TEST_AUDIO "audiotestsrc num-buffers=235 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! "

class TsFile : public TsPackager, public ::testing::WithParamInterface<LaunchCase> {};

TEST_P(TsFile, DecodesWithoutAnErrorWholeAndPieceByPiece) {
  for (const std::string_view name : split(GetParam().elements, ' ')) {
    if (!has_elements({std::string{name}.c_str()})) GTEST_SKIP() << "no " << name;
  }
  if (!has_command("ffprobe")) GTEST_SKIP() << "no ffprobe";
  const TemporaryDirectory directory;
  const std::string path = directory.path().string();
  std::string line = "tspackager name=ts segment-duration=2 ! multifilesink location=" + path + "/%d.ts";
  for (const std::string_view branch : split(GetParam().branches, '|'))
    line += " " + std::string{branch} + " ! queue ! ts.";
  ASSERT_EQ(run_pipeline(line), "");
  ASSERT_TRUE(std::filesystem::exists(directory.path() / "1.ts"));
  run("cat $(ls -v " + path + "/*.ts) >" + path + "/all");
  const auto probe = run("ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 " +
                         path + "/all 2>&1 | grep . | sort -u | tr '\\n' ' '");
  EXPECT_EQ(probe.output, GetParam().counts);
  EXPECT_EQ(run("ffmpeg -nostdin -v warning -xerror -i " + path + "/all -f null - 2>&1").output, "");
  EXPECT_EQ(run("ffmpeg -nostdin -v warning -xerror -i " + path + "/1.ts -f null - 2>&1").output, "");
  EXPECT_EQ(run_pipeline("filesrc location=" + path + "/all ! tsdemux ! " + GetParam().parser +
                         " ! decodebin ! fakesink"),
            "");
}

INSTANTIATE_TEST_SUITE_P(
    Sources, TsFile,
    ::testing::Values(
        LaunchCase{"avc_aac",
                   TEST_VIDEO "x264enc key-int-max=25 bframes=2 ! h264parse|" TEST_AUDIO
                              "avenc_aac ! aacparse",
                   "x264enc h264parse avenc_aac aacparse", "125 236 ", "h264parse"},
        LaunchCase{"byte_stream_adts",
                   TEST_VIDEO
                   "x264enc key-int-max=25 ! video/x-h264,stream-format=byte-stream ! h264parse|" TEST_AUDIO
                   "avenc_aac ! aacparse ! audio/mpeg,stream-format=adts",
                   "x264enc h264parse avenc_aac aacparse", "125 236 ", "h264parse"},
        LaunchCase{"hevc_ac3",
                   TEST_VIDEO "x265enc key-int-max=25 speed-preset=ultrafast ! h265parse|" TEST_AUDIO
                              "avenc_ac3 ! ac3parse",
                   "x265enc h265parse avenc_ac3 ac3parse", "125 157 ", "h265parse"},
        LaunchCase{"audio_only_eac3", TEST_AUDIO "avenc_eac3 ! ac3parse", "avenc_eac3 ac3parse", "157 ",
                   "ac3parse"},
        LaunchCase{"mp3", TEST_AUDIO "lamemp3enc ! mpegaudioparse", "lamemp3enc mpegaudioparse", "210 ",
                   "mpegaudioparse"},
        LaunchCase{"voaac", TEST_AUDIO "voaacenc ! aacparse", "voaacenc aacparse", "235 ", "aacparse"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tarn::test
