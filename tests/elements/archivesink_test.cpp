// SPDX-License-Identifier: Apache-2.0
#include "archive/gstarchivesink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/archive/archive.h"
#include "core/isobmff/cmaf.h"
#include "ingest/gstingestselector.h"
#include "media.h"
#include "package/gstcmafpackager.h"
#include "tests/support/command.h"

namespace tarn::test {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t second = 90'000;

void register_elements() {
  GST_ELEMENT_REGISTER(archivesink, nullptr);
  GST_ELEMENT_REGISTER(cmafpackager, nullptr);
  GST_ELEMENT_REGISTER(ingestselector, nullptr);
}

// ingestselector ! cmafpackager (one per track) ! archivesink, fed by the test.
class Channel {
 public:
  explicit Channel(const std::string& location) {
    register_elements();
    const std::string description = "ingestselector name=selector resume-from=" + location +
                                    " target-duration=2000000000 archivesink name=sink location=" + location +
                                    " selector.video_0 ! cmafpackager ! sink.sink_0"
                                    " selector.audio_0 ! cmafpackager ! sink.sink_1";
    pipeline_ = Ref<GstElement>::adopt(gst_parse_launch(description.c_str(), nullptr));
    bus_ = Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
    selector_ = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "selector"));
    for (const char* name : {"ingest1_0", "ingest1_1"}) {
      pads_.push_back(Ref<GstPad>::adopt(gst_element_request_pad_simple(selector_.get(), name)));
    }
  }
  ~Channel() { stop(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  GstStateChangeReturn start() { return gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING); }
  void stop() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

  void announce(std::size_t track, const std::string& key, const codecs::StreamInfo& info) {
    send(track, Ref<GstEvent>::adopt(gst_event_new_stream_start(key.c_str())));
    send(track, Ref<GstEvent>::adopt(gst_event_new_caps(gstkit::caps_of(info)->get())));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    send(track, Ref<GstEvent>::adopt(gst_event_new_segment(&segment)));
    gstkit::TrackAnnounced announced;
    announced.track.key = key;
    announced.track.language = track == 1 ? "deu" : "";
    announced.track.variants = {{.variant = 0, .bandwidth = 1'000'000, .average_bandwidth = 0}};
    send(track, to_event(announced));
    send(track, to_event(gstkit::TracksAnnounced{{"v0", "a0"}}));
  }
  void announce() {
    announce(0, "v0", h264_info());
    announce(1, "a0", aac_info());
  }
  void send(std::size_t track, Ref<GstEvent> event) {
    gst_pad_send_event(pads_[track].get(), event.release());
  }
  // One second of video and audio, as one input segment.
  GstFlowReturn push(int at) {
    const GstFlowReturn video =
        gst_pad_chain_list(pads_[0].get(), list_of(gop(at * second), 90'000, 1).release());
    const std::int64_t first = (std::int64_t{at} * 48'000 + 1023) / 1024;
    const std::int64_t next = (std::int64_t{at + 1} * 48'000 + 1023) / 1024;
    const auto frames = audio(first * 1024, static_cast<int>(next - first));
    const GstFlowReturn sound = gst_pad_chain_list(pads_[1].get(), list_of(frames, 48'000, 100).release());
    for (std::size_t i = 0; i < 2; ++i) send(i, to_event(gstkit::SegmentEnd{}));
    return video != GST_FLOW_OK ? video : sound;
  }
  void end() {
    for (std::size_t i = 0; i < 2; ++i) send(i, Ref<GstEvent>::adopt(gst_event_new_eos()));
  }
  Ref<GstMessage> message(GstMessageType type) {
    return Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), 5 * GST_SECOND, type));
  }

 private:
  Ref<GstElement> pipeline_;
  Ref<GstBus> bus_;
  Ref<GstElement> selector_;
  std::vector<Ref<GstPad>> pads_;
};

std::shared_ptr<archive::Archive> open(const std::string& location) {
  auto archive = archive::Archive::open(location);
  EXPECT_TRUE(archive) << (archive ? "" : archive.error().message);
  return archive ? *archive : nullptr;
}

TEST(ArchiveSink, WhatWasPushedIsInTheArchiveWhenThePushReturns) {
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  Channel channel{location};
  ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
  const auto archive = open(location);
  ASSERT_TRUE(archive);
  channel.announce();
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(channel.push(100 + i), GST_FLOW_OK);
    ASSERT_FALSE(archive->timeline()->empty());
    EXPECT_EQ(archive->timeline()->end_slot(), static_cast<std::uint64_t>(i) + 2);
  }

  const auto timeline = archive->timeline();
  const auto* stretch = timeline->stretch(1);
  ASSERT_NE(stretch, nullptr);
  ASSERT_EQ(stretch->tracks.size(), 2U);
  EXPECT_EQ(stretch->tracks[0].description.key, "v0");
  EXPECT_EQ(stretch->tracks[0].description.info, h264_info());
  EXPECT_EQ(stretch->tracks[1].description.info, aac_info());
  EXPECT_EQ(stretch->tracks[1].description.language, "deu");
  EXPECT_EQ(stretch->tracks[0].description.variants.size(), 1U);

  const auto* slot = timeline->find(2);
  ASSERT_NE(slot, nullptr);
  EXPECT_EQ(slot->start, 101 * second);
  EXPECT_EQ(slot->end, 102 * second);
  ASSERT_EQ(slot->chunks.size(), 2U);
  EXPECT_EQ(slot->chunks[0].duration, second);
  const auto bytes = archive->read(slot->chunks[0]);
  ASSERT_TRUE(bytes);
  const auto parsed = isobmff::parse_chunks(bytes->bytes());
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->samples.size(), 25U);
  EXPECT_EQ(parsed->samples.front().dts, 101 * second);
  EXPECT_EQ(bytes->bytes()[parsed->samples[7].offset], 1 + 7);
  const auto init = archive->init(1, stretch->tracks[0].config);
  ASSERT_TRUE(init);
  EXPECT_TRUE(isobmff::parse_init(init->bytes()));
}

TEST(ArchiveSink, AudioChunksOfAllSlotsFollowEachOtherExactly) {
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  Channel channel{location};
  ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
  channel.announce();
  for (int i = 0; i < 6; ++i) ASSERT_EQ(channel.push(100 + i), GST_FLOW_OK);
  const auto archive = open(location);
  std::optional<std::int64_t> edge;
  for (std::uint64_t number = 1; number <= 6; ++number) {
    const auto* chunk = archive->timeline()->find(number)->find(2);
    ASSERT_NE(chunk, nullptr) << "slot " << number;
    EXPECT_EQ(edge.value_or(chunk->start), chunk->start) << "slot " << number;
    edge = chunk->start + chunk->duration;
  }
}

TEST(ArchiveSink, EosOfAllPadsEndsTheStreamAndIsPosted) {
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  Channel channel{location};
  ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
  channel.announce();
  ASSERT_EQ(channel.push(100), GST_FLOW_OK);
  const auto archive = open(location);
  EXPECT_FALSE(archive->timeline()->ended);
  channel.end();
  const auto message = channel.message(static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ASSERT_TRUE(message);
  EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS);
  EXPECT_TRUE(archive->timeline()->ended);
}

TEST(ArchiveSink, ARestartContinuesTheTimelineWithoutASeam) {
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  for (int run = 0; run < 3; ++run) {
    Channel channel{location};
    ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
    channel.announce();
    for (int i = 0; i < 2; ++i) ASSERT_EQ(channel.push(100 + 2 * run + i), GST_FLOW_OK) << "run " << run;
  }
  const auto timeline = open(location)->timeline();
  EXPECT_EQ(timeline->first_slot(), 1U);
  ASSERT_EQ(timeline->end_slot(), 7U);
  EXPECT_EQ(timeline->stretches.size(), 1U);
  for (std::uint64_t number = 1; number < 7; ++number) {
    EXPECT_EQ(timeline->find(number)->start, (99 + static_cast<std::int64_t>(number)) * second);
  }
}

TEST(ArchiveSink, TheSamePipelineGoesOnAfterNull) {
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  Channel channel{location};
  for (int run = 0; run < 3; ++run) {
    ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
    channel.announce();
    ASSERT_EQ(channel.push(100 + run), GST_FLOW_OK) << "run " << run;
    channel.stop();
  }
  EXPECT_EQ(open(location)->timeline()->end_slot(), 4U);
}

TEST(ArchiveSink, NewParametersBeginANewStretchWithANewInit) {
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  Channel channel{location};
  ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
  channel.announce();
  ASSERT_EQ(channel.push(100), GST_FLOW_OK);
  auto other = h264_info();
  other.sar_width = 4;
  other.sar_height = 3;
  channel.announce(0, "v0", other);
  ASSERT_EQ(channel.push(101), GST_FLOW_OK);
  ASSERT_EQ(channel.push(102), GST_FLOW_OK);
  const auto timeline = open(location)->timeline();
  const auto* stretch = timeline->stretch(2);
  ASSERT_NE(stretch, nullptr);
  EXPECT_EQ(stretch->first_slot, 2U);
  EXPECT_EQ(stretch->find(1)->description.info.sar_width, 4U);
  EXPECT_NE(stretch->find(1)->config, timeline->stretch(1)->find(1)->config);
  EXPECT_EQ(stretch->find(2)->config, timeline->stretch(1)->find(2)->config);
}

TEST(ArchiveSink, MediaWithoutASelectorIsAnErrorThatSaysSo) {
  register_elements();
  const auto sink = Ref<GstElement>::adopt(gst_element_factory_make("archivesink", nullptr));
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(sink.get(), bus.get());
  const auto pad = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink.get(), "sink_%u"));
  ASSERT_EQ(gst_element_set_state(sink.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  gst_pad_send_event(pad.get(), gst_event_new_stream_start("test"));
  const auto header = isobmff::write_init(h264_info(), "");
  ASSERT_TRUE(header);
  const auto caps = gstkit::cmaf_caps(h264_info(), Blob::copy_of(*header));
  gst_pad_send_event(pad.get(), gst_event_new_caps(caps.get()));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_send_event(pad.get(), gst_event_new_segment(&segment));

  auto header_buffer = gstkit::buffer_of(Blob::copy_of(*header));
  GST_BUFFER_FLAG_SET(header_buffer.get(), GST_BUFFER_FLAG_HEADER);
  EXPECT_EQ(gst_pad_chain(pad.get(), header_buffer.release()), GST_FLOW_OK);
  EXPECT_EQ(gst_pad_chain(pad.get(), gstkit::buffer_of(Blob::copy_of(as_bytes("chunk"))).release()),
            GST_FLOW_ERROR);
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  ASSERT_TRUE(message);
  GError* raw = nullptr;
  gst_message_parse_error(message.get(), &raw, nullptr);
  EXPECT_THAT(
      gstkit::ErrorPtr { raw } -> message, HasSubstr("ingestselector"));

  gst_element_set_state(sink.get(), GST_STATE_NULL);
  gst_element_release_request_pad(sink.get(), pad.get());
  gst_element_set_bus(sink.get(), nullptr);
}

TEST(ArchiveSink, ALocationThatCannotBeWrittenFailsTheStart) {
  register_elements();
  const auto sink = Ref<GstElement>::adopt(gst_element_factory_make("archivesink", nullptr));
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(sink.get(), bus.get());
  g_object_set(sink.get(), "location", "/dev/null/archive", nullptr);
  EXPECT_EQ(gst_element_set_state(sink.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  EXPECT_TRUE(message);
  gst_element_set_state(sink.get(), GST_STATE_NULL);
  gst_element_set_bus(sink.get(), nullptr);
}

TEST(ArchiveSink, StateChangesDoNotWaitForMedia) {
  register_elements();
  const auto pipeline =
      Ref<GstElement>::adopt(gst_parse_launch("ingestselector ! cmafpackager ! archivesink", nullptr));
  EXPECT_EQ(gst_element_set_state(pipeline.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(gst_element_set_state(pipeline.get(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
}

TEST(ArchiveSink, KeepsWhatEncodersOfGStreamerMake) {
  if (!has_elements({"x264enc", "h264parse", "avenc_aac", "aacparse"}) || !has_command("ffprobe"))
    GTEST_SKIP();
  register_elements();
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  ASSERT_EQ(
      run_pipeline(
          "ingestselector name=s archivesink name=k location=" + location +
          " videotestsrc num-buffers=150 ! video/x-raw,format=I420,framerate=25/1 ! x264enc key-int-max=50"
          " ! h264parse ! s.ingest1_0 audiotestsrc num-buffers=282 samplesperbuffer=1024 !"
          " audio/x-raw,rate=48000 ! avenc_aac ! aacparse ! s.ingest1_1"
          " s.video_0 ! cmafpackager ! k.sink_0 s.audio_0 ! cmafpackager ! k.sink_1"),
      "");
  const auto archive = open(location);
  const auto timeline = archive->timeline();
  EXPECT_TRUE(timeline->ended);
  ASSERT_EQ(timeline->end_slot(), 4U);
  const auto* stretch = timeline->stretch(1);
  for (const timeline::TrackId track : {1U, 2U}) {
    const std::string file = (directory.path() / ("track" + std::to_string(track) + ".mp4")).string();
    ByteVector all;
    const auto append = [&all](const Blob& blob) {
      all.insert(all.end(), blob.bytes().begin(), blob.bytes().end());
    };
    append(*archive->init(track, stretch->find(track)->config));
    for (std::uint64_t number = 1; number < 4; ++number) {
      const auto* chunk = timeline->find(number)->find(track);
      ASSERT_NE(chunk, nullptr) << "slot " << number << " track " << track;
      append(*archive->read(*chunk));
    }
    write_file(file, as_text(all));
    EXPECT_EQ(run("ffmpeg -v warning -i " + file + " -f null - 2>&1").output, "");
    const auto probe = run(
        "ffprobe -v error -count_frames -show_entries stream=codec_type,nb_read_frames -of csv=p=0 " + file);
    EXPECT_EQ(probe.output.rfind(stretch->find(track)->description.key == "v0" ? "video,150" : "audio,28", 0),
              0U)
        << probe.output;
  }
}

}  // namespace
}  // namespace tarn::test
