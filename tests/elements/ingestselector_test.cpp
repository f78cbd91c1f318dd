// SPDX-License-Identifier: Apache-2.0
#include "ingest/gstingestselector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "selector_rig.h"

namespace tarn::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Log = std::vector<std::string>;

constexpr std::int64_t second = 90'000;

TEST(IngestSelector, DescribesAllTracksBeforeTheStretchAndTheFirstPart) {
  SelectorRig rig;
  rig.start();
  rig.begin_both(1);
  EXPECT_EQ(rig.push_gop(1, 100 * second), GST_FLOW_OK);
  EXPECT_EQ(rig.push_audio(1, 100 * 48'000, 50), GST_FLOW_OK);
  rig.end_segment(1, 2);
  EXPECT_THAT(rig.take_log(),
              ElementsAre("video_0 stream-start", "video_0 caps", "video_0 segment", "video_0 tag",
                          "video_0 track v0", "audio_0 stream-start", "audio_0 caps", "audio_0 segment",
                          "audio_0 tag", "audio_0 track a0", "video_0 stream-collection",
                          "audio_0 stream-collection", "video_0 stretch 1 from 1 v0=1 a0=2",
                          "audio_0 stretch 1 from 1 v0=1 a0=2", "video_0 part of 1 at 9000000 by 1",
                          "video_0 25 buffers, mark 0, dts 9000000", "audio_0 part of 1 at 4800000 by 1",
                          "audio_0 47 buffers, mark 0, dts 9000000", "video_0 slot 1"));
}

TEST(IngestSelector, UsesEachSlotOfTwoIdenticalInputsOnce) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  rig.begin_video(2);
  for (int i = 0; i < 4; ++i) {
    rig.push_gop(1, (100 + i) * second);
    rig.end_segment(1);
    rig.push_gop(2, (100 + i) * second);
    rig.end_segment(2);
  }
  Log media;
  for (const auto& line : rig.take_log()) {
    if (line.find("buffers") != std::string::npos || line.find("slot") != std::string::npos)
      media.push_back(line);
  }
  EXPECT_THAT(media, ElementsAre("video_0 25 buffers, mark 0, dts 9000000", "video_0 slot 1",
                                 "video_0 25 buffers, mark 0, dts 9090000", "video_0 slot 2",
                                 "video_0 25 buffers, mark 0, dts 9180000", "video_0 slot 3",
                                 "video_0 25 buffers, mark 0, dts 9270000", "video_0 slot 4"));
  gint active = 0;
  g_object_get(rig.element(), "active-input", &active, nullptr);
  EXPECT_EQ(active, 1);
}

// Both inputs run; then the first one stops and the second one's copies must take over.
// The second one's times are `offset` ticks later.
void run_until_failover(SelectorRig& rig, std::int64_t offset = 0) {
  rig.start();
  rig.begin_video(1);
  rig.begin_video(2);
  for (int i = 0; i < 3; ++i) {
    for (const int input : {1, 2}) {
      rig.push_gop(input, (100 + i) * second + (input == 2 ? offset : 0));
      rig.end_segment(input);
    }
    gst_test_clock_advance_time(rig.clock(), GST_SECOND);
  }
  rig.take_log();
  rig.push_gop(2, 103 * second + offset);
  rig.end_segment(2);
  EXPECT_THAT(rig.take_log(), IsEmpty());
}

TEST(IngestSelector, TakesTheOtherInputsCopyAtTheDeadlineOnTheElementsClock) {
  SelectorRig rig;
  run_until_failover(rig);
  GstClockID raw = nullptr;
  gst_test_clock_wait_for_next_pending_id(rig.clock(), &raw);
  gst_clock_id_unref(raw);
  ASSERT_TRUE(gst_test_clock_crank(rig.clock()));
  ASSERT_TRUE(rig.wait_for("video_0 slot 4"));
  EXPECT_THAT(rig.take_log(), ElementsAre("video_0 part of 4 at 9270000 by 2",
                                          "video_0 25 buffers, mark 0, dts 9270000", "video_0 slot 4"));
  EXPECT_THAT(rig.next_element_message(), HasSubstr("tarn/input-switched, from=(uint)1, to=(uint)2"));
  gint active = 0;
  g_object_get(rig.element(), "active-input", &active, nullptr);
  EXPECT_EQ(active, 2);
}

TEST(IngestSelector, SaysOnceWhenTheConditionOfAnInputChanges) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  rig.send("ingest1_0", to_event(gstkit::ProgramDateTime{.time = 0, .utc = Utc{std::chrono::seconds{1}}}));
  rig.push_gop(1, 0);
  rig.end_segment(1);
  EXPECT_THAT(rig.next_element_message(),
              HasSubstr("tarn/input-condition, input=(uint)1, condition=(string)PDT_REJECTED, "
                        "state=(string)set"));
  for (int i = 1; i <= 2; ++i) {
    auto units = gop(i * 90'000);
    units[0].sync = false;
    rig.push("ingest1_0", list_of(units, 90'000));
  }
  EXPECT_THAT(rig.next_element_message(), HasSubstr("condition=(string)OPEN_SEGMENTS, state=(string)set"));
  EXPECT_EQ(rig.next_element_message(), "");
}

TEST(IngestSelector, SaysThatABackupDoesNotFitBeforeAFailoverNeedsIt) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  rig.begin_video(2);
  for (int i = 0; i < 3; ++i) {
    rig.push_gop(1, i * 90'000);
    rig.end_segment(1);
    rig.push_gop(2, i * 90'000 + 27'000);
    rig.end_segment(2);
  }
  EXPECT_THAT(rig.next_element_message(), HasSubstr("tarn/input-condition, input=(uint)2, "
                                                    "condition=(string)MISALIGNED, state=(string)set"));
  EXPECT_EQ(rig.next_element_message(), "");
}

// Of the same sizes; encoders write their own name into them, in front (SEI), and that says nothing.
// `differing`: the one byte that does, from the end of its access unit.
std::vector<std::string> said_of_bytes(std::size_t differing) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  rig.begin_video(2);
  for (int i = 0; i < 4; ++i) {
    auto units = gop(i * 90'000);
    for (auto& unit : units) unit.size = 40;
    rig.push("ingest1_0", list_of(units, 90'000));
    rig.end_segment(1);
    const auto list = list_of(units, 90'000);
    GstBuffer* buffer = gst_buffer_list_get_writable(list.get(), 3);
    const gsize size = gst_buffer_get_size(buffer);
    const std::uint8_t byte = 0xEE;
    gst_buffer_fill(buffer, size - differing, &byte, 1);
    rig.push("ingest2_0", Ref<GstBufferList>::share(list.get()));
    rig.end_segment(2);
  }
  std::vector<std::string> said;
  for (std::string text; !(text = rig.next_element_message()).empty();) said.push_back(text);
  return said;
}

TEST(IngestSelector, SaysThatABackupHasOtherBytesThoughTheirSizesAreTheSame) {
  EXPECT_THAT(said_of_bytes(1),
              Contains(HasSubstr("condition=(string)DIFFERENT_CONTENT, state=(string)set")));
  EXPECT_THAT(said_of_bytes(40), IsEmpty());
}

TEST(IngestSelector, SaysWhichTrackAnInputHasStoppedSending) {
  SelectorRig rig;
  rig.start();
  rig.begin_both(1);
  rig.push_gop(1, 0);
  rig.push_audio(1, 0, 47);
  rig.end_segment(1, 2);
  for (int i = 1; i < 6; ++i) {
    rig.push_gop(1, i * 90'000);
    rig.end_segment(1);
  }
  EXPECT_THAT(rig.next_element_message(),
              HasSubstr("condition=(string)MISSING_TRACK, state=(string)set, tracks=(string)a0"));
  EXPECT_EQ(rig.next_element_message(), "") << "once";
  rig.push_audio(1, 6 * 48'000, 47);
  EXPECT_THAT(rig.next_element_message(),
              HasSubstr("condition=(string)MISSING_TRACK, state=(string)cleared"));
}

TEST(IngestSelector, AHostsTimerCanLetTimePass) {
  SelectorRig rig;
  run_until_failover(rig);
  rig.advance();
  EXPECT_THAT(rig.take_log(), IsEmpty());
  // The deadline is at least a second away; jump well beyond it without letting the clock fire.
  gst_test_clock_set_time(rig.clock(), 1200 * GST_SECOND);
  rig.advance();
  ASSERT_TRUE(rig.wait_for("video_0 slot 4"));
}

TEST(IngestSelector, StatsCountBothInputs) {
  SelectorRig rig;
  run_until_failover(rig);
  gst_test_clock_set_time(rig.clock(), 1200 * GST_SECOND);
  rig.advance();
  ASSERT_TRUE(rig.wait_for("video_0 slot 4"));
  GstStructure* raw = nullptr;
  g_object_get(rig.element(), "stats", &raw, nullptr);
  const gstkit::StructurePtr stats{raw};
  ASSERT_TRUE(stats);
  for (const auto& [name, units, used] : {std::tuple{"ingest1", 3U, 3U}, std::tuple{"ingest2", 4U, 1U}}) {
    const GValue* value = gst_structure_get_value(stats.get(), name);
    ASSERT_NE(value, nullptr);
    const GstStructure* input = gst_value_get_structure(value);
    guint64 got_units = 0;
    guint64 got_used = 0;
    gint64 age = -1;
    EXPECT_TRUE(gst_structure_get_uint64(input, "units", &got_units));
    EXPECT_TRUE(gst_structure_get_uint64(input, "used", &got_used));
    EXPECT_TRUE(gst_structure_get_int64(input, "age", &age));
    EXPECT_EQ(got_units, units) << name;
    EXPECT_EQ(got_used, used) << name;
    EXPECT_GT(age, 100'000'000) << name;
  }
  const GValue* switches = gst_structure_get_value(stats.get(), "switches");
  ASSERT_TRUE(GST_VALUE_HOLDS_ARRAY(switches));
  EXPECT_EQ(gst_value_array_get_size(switches), 1U);
}

TEST(IngestSelector, ContentHasArrivedDownstreamWhenThePushReturns) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  for (int i = 0; i < 5; ++i) {
    rig.push_gop(1, (100 + i) * second);
    rig.end_segment(1);
    EXPECT_EQ(rig.take_log().back(), "video_0 slot " + std::to_string(i + 1));
  }
}

TEST(IngestSelector, OrdersWhatTwoThreadsBring) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  rig.begin_video(2);
  constexpr int gops = 200;
  const auto encode = [&rig](int input) {
    for (int i = 0; i < gops; ++i) {
      rig.push_gop(input, (100 + i) * second, 25);
      rig.end_segment(input);
    }
  };
  std::thread first{encode, 1};
  std::thread second_input{encode, 2};
  first.join();
  second_input.join();
  Log slots;
  Log expected;
  int parts = 0;
  for (const auto& line : rig.take_log()) {
    if (line.find("video_0 slot") == 0) slots.push_back(line);
    if (line.find("buffers") != std::string::npos) ++parts;
  }
  for (int i = 1; i <= gops; ++i) expected.push_back("video_0 slot " + std::to_string(i));
  EXPECT_THAT(slots, ElementsAreArray(expected));
  EXPECT_EQ(parts, gops);
}

TEST(IngestSelector, ReturnsDownstreamsFlowToThePusher) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  rig.push_gop(1, 100 * second);
  rig.end_segment(1);
  rig.answer_with(GST_FLOW_ERROR);
  GstFlowReturn flow = rig.push_gop(1, 101 * second);
  if (flow == GST_FLOW_OK) flow = rig.push_gop(1, 102 * second);
  EXPECT_EQ(flow, GST_FLOW_ERROR);
  rig.answer_with(GST_FLOW_OK);
  EXPECT_EQ(rig.push_gop(1, 103 * second), GST_FLOW_OK);
}

TEST(IngestSelector, EndsWhenAllPadsOfBothInputsHaveEnded) {
  SelectorRig rig;
  rig.start();
  rig.begin_both(1);
  rig.begin_video(2);
  rig.push_gop(1, 100 * second);
  rig.push_audio(1, 100 * 48'000, 47);
  const auto eos = [&](int input, int track) {
    rig.send(SelectorRig::name(input, track), Ref<GstEvent>::adopt(gst_event_new_eos()));
  };
  eos(1, 0);
  eos(1, 1);
  const auto log = rig.take_log();
  EXPECT_EQ(log.back(), "video_0 ended");  // the other input never lived
  EXPECT_THAT(log, ::testing::Contains("video_0 slot 1"));
  eos(2, 0);
  EXPECT_THAT(rig.take_log(), ElementsAre("video_0 eos", "audio_0 eos"));
}

// Its timeline is its own: a flush of an input does not reach those behind it.
TEST(IngestSelector, AFlushOfAPadEndsThere) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  rig.push_gop(1, 100 * second);
  rig.push_gop(1, 101 * second);
  rig.end_segment(1);
  const auto before = rig.take_log();
  EXPECT_THAT(before, ::testing::Contains("video_0 slot 1"));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  for (GstEvent* event :
       {gst_event_new_flush_start(), gst_event_new_flush_stop(TRUE), gst_event_new_segment(&segment)}) {
    EXPECT_TRUE(rig.send("ingest1_0", Ref<GstEvent>::adopt(event)));
  }
  EXPECT_THAT(rig.take_log(), ::testing::IsEmpty());
  EXPECT_EQ(rig.push_gop(1, 102 * second), GST_FLOW_OK);
  EXPECT_EQ(rig.push_gop(1, 103 * second), GST_FLOW_OK);
  rig.end_segment(1);
  EXPECT_THAT(rig.take_log(), ::testing::Contains("video_0 slot 3"));
}

TEST(IngestSelector, EndsWhenTheLastPadThatHasNotEndedIsReleased) {
  SelectorRig rig;
  rig.start();
  rig.begin_both(1);
  rig.begin_video(2);
  rig.push_gop(1, 100 * second);
  rig.push_audio(1, 100 * 48'000, 47);
  rig.send("ingest1_0", Ref<GstEvent>::adopt(gst_event_new_eos()));
  rig.release("ingest1_1");
  const auto log = rig.take_log();
  EXPECT_THAT(log, ::testing::Contains("video_0 slot 1"));
  EXPECT_EQ(log.back(), "video_0 ended");
  rig.release("ingest2_0");
  EXPECT_THAT(rig.take_log(), ElementsAre("video_0 eos", "audio_0 eos"));
}

TEST(IngestSelector, ANewSessionOfTheOnlyInputBeginsANewStretch) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  rig.push_gop(1, 100 * second);
  rig.end_segment(1);
  rig.send("ingest1_0", to_event(gstkit::Discontinuity{1}));
  rig.send("ingest1_0", to_event(gstkit::Discontinuity{1}));
  rig.push_gop(1, 5 * second);
  rig.end_segment(1);
  gst_test_clock_set_time(rig.clock(), 1200 * GST_SECOND);
  rig.advance();
  const auto log = rig.take_log();
  EXPECT_THAT(log, ::testing::Contains("video_0 stretch 2 from 2 v0=1"));
  EXPECT_THAT(log, ::testing::Contains("video_0 slot 2"));
  EXPECT_THAT(log, Not(::testing::Contains(HasSubstr("stretch 3"))));
}

TEST(IngestSelector, AnswersWhereTheTimelineIs) {
  SelectorRig rig;
  rig.start();
  rig.begin_video(1);
  const auto query = gstkit::new_timeline_edge_query();
  EXPECT_FALSE(gst_pad_query(rig.pad("ingest2_0"), query.get()));
  const std::int64_t start = (std::int64_t{1} << 33) + 100 * second;
  rig.push_gop(1, start);
  rig.end_segment(1);
  ASSERT_TRUE(gst_pad_query(rig.pad("ingest2_0"), query.get()));
  gint64 edge = 0;
  ASSERT_TRUE(gst_structure_get_int64(gst_query_get_structure(query.get()), "edge", &edge));
  EXPECT_EQ(edge, start + second);
}

TEST(IngestSelector, AnInputAFewTicksOffIsMovedOntoTheTimeline) {
  SelectorRig rig;
  run_until_failover(rig, 90);
  gst_test_clock_set_time(rig.clock(), 1200 * GST_SECOND);
  rig.advance();
  ASSERT_TRUE(rig.wait_for("video_0 slot 4"));
  EXPECT_THAT(rig.take_log(), ElementsAre("video_0 part of 4 at 9270000 by 2",
                                          "video_0 25 buffers, mark 0, dts 9270000", "video_0 slot 4"));
}

TEST(IngestSelector, GathersSingleBuffersOfOtherElementsToGops) {
  SelectorRig rig;
  rig.start();
  rig.send("ingest1_0", Ref<GstEvent>::adopt(gst_event_new_stream_start("plain")));
  rig.send("ingest1_0", Ref<GstEvent>::adopt(gst_event_new_caps(gstkit::caps_of(h264_info())->get())));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = 1000 * 3600 * GST_SECOND;
  rig.send("ingest1_0", Ref<GstEvent>::adopt(gst_event_new_segment(&segment)));
  for (int i = 0; i < 3; ++i) {
    const auto list = list_of(gop(std::int64_t{1000} * 3600 * second + i * second), 90'000);
    for (guint j = 0; j < gst_buffer_list_length(list.get()); ++j) {
      auto buffer = Ref<GstBuffer>::share(gst_buffer_list_get(list.get(), j));
      ASSERT_EQ(gst_pad_chain(rig.pad("ingest1_0"), buffer.release()), GST_FLOW_OK);
    }
  }
  rig.send("ingest1_0", Ref<GstEvent>::adopt(gst_event_new_eos()));
  Log media;
  for (const auto& line : rig.take_log()) {
    if (line.find("buffers") != std::string::npos) media.push_back(line);
  }
  // Running time 0 is one hour.
  EXPECT_THAT(media, ElementsAre("video_0 25 buffers, mark 0, dts 324000000",
                                 "video_0 25 buffers, mark 0, dts 324090000",
                                 "video_0 25 buffers, mark 0, dts 324180000"));
}

TEST(IngestSelector, StartsAnewAfterNull) {
  SelectorRig rig;
  for (int round = 0; round < 3; ++round) {
    rig.start();
    rig.begin_video(1);
    rig.push_gop(1, 100 * second);
    rig.end_segment(1);
    const auto log = rig.take_log();
    ASSERT_FALSE(log.empty());
    EXPECT_EQ(log.front(), "video_0 stream-start") << "round " << round;
    EXPECT_EQ(log.back(), "video_0 slot 1") << "round " << round;
    rig.stop();
    EXPECT_EQ(rig.push_gop(1, 101 * second), GST_FLOW_FLUSHING);
    EXPECT_EQ(GST_ELEMENT(rig.element())->numsrcpads, 0);
  }
}

TEST(IngestSelector, AnArchiveThatCannotBeReadFailsTheStart) {
  SelectorRig rig;
  g_object_set(rig.element(), "resume-from", "/dev/null/archive", nullptr);
  EXPECT_EQ(gst_element_set_state(rig.element(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_TRUE(Ref<GstMessage>::adopt(gst_bus_pop_filtered(rig.bus(), GST_MESSAGE_ERROR)));
}

}  // namespace
}  // namespace tarn::test
