// SPDX-License-Identifier: Apache-2.0
#include "archive/gstarchivesink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>

#include <filesystem>
#include <fstream>

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
    const std::string description =
        "ingestselector name=selector resume-from=" + location +
        " target-duration=2000000000 archivesink name=sink location=" + location +
        " cmafpackager name=video_0 ! sink.sink_0 cmafpackager name=audio_0 ! sink.sink_1";
    pipeline_ = Ref<GstElement>::adopt(gst_parse_launch(description.c_str(), nullptr));
    bus_ = Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
    selector_ = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "selector"));
    g_signal_connect(selector_.get(), "pad-added", G_CALLBACK(&Channel::link), pipeline_.get());
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
  bool send(std::size_t track, Ref<GstEvent> event) {
    return gst_pad_send_event(pads_[track].get(), event.release()) != FALSE;
  }
  // One second of video and audio, as one input segment.
  GstFlowReturn push(int at, std::size_t unit_size = 10, int frames_in_gop = 25) {
    auto units = gop(at * second, frames_in_gop);
    for (auto& unit : units) unit.size = unit_size;
    const GstFlowReturn video = gst_pad_chain_list(pads_[0].get(), list_of(units, 90'000, 1).release());
    const std::int64_t first = (std::int64_t{at} * 48'000 + 1023) / 1024;
    const std::int64_t next = (std::int64_t{at + 1} * 48'000 + 1023) / 1024;
    const auto frames = audio(first * 1024, static_cast<int>(next - first));
    const GstFlowReturn sound = gst_pad_chain_list(pads_[1].get(), list_of(frames, 48'000, 100).release());
    bool ended = true;
    for (std::size_t i = 0; i < 2; ++i) ended = send(i, to_event(gstkit::SegmentEnd{})) && ended;
    if (!ended) return GST_FLOW_ERROR;
    return video != GST_FLOW_OK ? video : sound;
  }
  void end() {
    for (std::size_t i = 0; i < 2; ++i) send(i, Ref<GstEvent>::adopt(gst_event_new_eos()));
  }
  // How many have been posted by elements of that factory.
  int errors(const std::string& factory) {
    int count = 0;
    while (const auto error = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR))) {
      auto* const maker = gst_element_get_factory(GST_ELEMENT(GST_MESSAGE_SRC(error.get())));
      if (factory == GST_OBJECT_NAME(maker)) ++count;
    }
    return count;
  }
  // Of the sink's pads, through the packagers.
  void flush() {
    for (const char* name : {"video_0", "audio_0"}) {
      const auto packager = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
      const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(packager.get(), "sink"));
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      EXPECT_TRUE(gst_pad_send_event(pad.get(), gst_event_new_flush_start()));
      EXPECT_TRUE(gst_pad_send_event(pad.get(), gst_event_new_flush_stop(TRUE)));
      EXPECT_TRUE(gst_pad_send_event(pad.get(), gst_event_new_segment(&segment)));
    }
  }
  Ref<GstMessage> message(GstMessageType type) {
    return Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), 5 * GST_SECOND, type));
  }

 private:
  // The packager of a source pad has the pad's name.
  static void link(GstElement* /*selector*/, GstPad* pad, GstElement* pipeline) {
    if (GST_PAD_IS_SINK(pad)) return;
    const auto packager = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), GST_PAD_NAME(pad)));
    const auto sink = Ref<GstPad>::adopt(gst_element_get_static_pad(packager.get(), "sink"));
    EXPECT_EQ(gst_pad_link(pad, sink.get()), GST_PAD_LINK_OK);
  }

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

TEST(ArchiveSink, SaysWhenAGopWasTooLongForTheSegmentsThatWerePromised) {
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  Channel channel{location};
  ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
  const auto archive = open(location);
  ASSERT_TRUE(archive);
  for (const char* endpoint : {"one", "two"}) {
    ASSERT_TRUE(archive->set_presentation(endpoint, 1, 1, Utc{}).ok());
  }
  channel.announce();
  for (int i = 0; i < 2; ++i) ASSERT_EQ(channel.push(100 + i), GST_FLOW_OK);
  ASSERT_EQ(channel.push(102, 10, 75), GST_FLOW_OK);
  const auto message = channel.message(GST_MESSAGE_ELEMENT);
  ASSERT_TRUE(message);
  const gstkit::TextPtr text{gst_structure_to_string(gst_message_get_structure(message.get()))};
  EXPECT_THAT(text.get(), HasSubstr("tarn/gop-too-long, slot=(guint64)3, duration=(guint64)3000000000, "
                                    "target-duration=(uint)1"));
  EXPECT_EQ(archive->timeline()->presentation("one")->cuts.back().discontinuity_sequence, 1U);
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

  const auto slot = timeline->find(2);
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
    const auto chunk = archive->timeline()->find(number)->find(2);
    ASSERT_NE(chunk, nullptr) << "slot " << number;
    EXPECT_EQ(edge.value_or(chunk->start), chunk->start) << "slot " << number;
    edge = chunk->start + chunk->duration;
  }
}

// As root only: a file system that has no file left to give.
TEST(ArchiveSink, ASlotOfWhichAPartCouldNotBeStoredIsNotListed) {
  const TemporaryDirectory directory;
  if (::mount("none", directory.path().c_str(), "tmpfs", 0, "size=16m,nr_inodes=64") != 0) {
    GTEST_SKIP() << "cannot mount";
  }
  {
    Channel channel{(directory.path() / "archive").string()};
    ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
    const auto archive = open((directory.path() / "archive").string());
    channel.announce();
    const auto name = [&](int i) { return directory.path() / std::to_string(i); };
    int files = 0;
    while (std::ofstream{name(files)}.is_open()) ++files;
    EXPECT_NE(channel.push(100), GST_FLOW_OK);
    EXPECT_TRUE(archive->timeline()->empty()) << "a slot without its media was listed";
    for (int i = 0; i < files; ++i) std::filesystem::remove(name(i));
    EXPECT_NE(channel.push(101), GST_FLOW_OK) << "what came before is missing";
    EXPECT_TRUE(archive->timeline()->empty());
    EXPECT_TRUE(archive->health().ok());
  }
  ::umount(directory.path().c_str());
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

TEST(ArchiveSink, AfterAFlushItGoesOnBehindWhatItHas) {
  const TemporaryDirectory directory;
  const std::string location = (directory.path() / "archive").string();
  Channel channel{location};
  ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
  const auto archive = open(location);
  channel.announce();
  ASSERT_EQ(channel.push(100), GST_FLOW_OK);
  ASSERT_EQ(channel.push(101), GST_FLOW_OK);
  const auto before = archive->timeline()->end_slot();
  channel.flush();
  ASSERT_EQ(channel.push(102), GST_FLOW_OK);
  EXPECT_EQ(archive->timeline()->end_slot(), before + 1);
  EXPECT_EQ(archive->timeline()->first_slot(), 1U);
  EXPECT_EQ(channel.errors("archivesink"), 0);
}

TEST(ArchiveSink, TheLastPadThatHasNotEndedMayBeReleased) {
  register_elements();
  const auto sink = Ref<GstElement>::adopt(gst_element_factory_make("archivesink", nullptr));
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(sink.get(), bus.get());
  const auto first = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink.get(), "sink_%u"));
  const auto second = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink.get(), "sink_%u"));
  gst_element_set_state(sink.get(), GST_STATE_PLAYING);
  gst_pad_send_event(first.get(), gst_event_new_stream_start("x"));
  gst_pad_send_event(first.get(), gst_event_new_eos());
  const auto end = [&] { return Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_EOS)); };
  EXPECT_FALSE(end());
  gst_element_release_request_pad(sink.get(), second.get());
  EXPECT_TRUE(end());
  gst_element_set_state(sink.get(), GST_STATE_NULL);
  gst_element_set_bus(sink.get(), nullptr);
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

// An archivesink without anything in front.
class BareSink {
 public:
  BareSink() {
    register_elements();
    sink_ = Ref<GstElement>::adopt(gst_element_factory_make("archivesink", nullptr));
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(sink_.get(), bus_.get());
    pad_ = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink_.get(), "sink_%u"));
    EXPECT_EQ(gst_element_set_state(sink_.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    send(Ref<GstEvent>::adopt(gst_event_new_stream_start("test")));
    header_ = Blob::of(*isobmff::write_init(h264_info(), ""));
    send(Ref<GstEvent>::adopt(gst_event_new_caps(gstkit::cmaf_caps(h264_info(), header_).get())));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    send(Ref<GstEvent>::adopt(gst_event_new_segment(&segment)));
  }
  ~BareSink() {
    gst_element_set_state(sink_.get(), GST_STATE_NULL);
    gst_element_release_request_pad(sink_.get(), pad_.get());
    gst_element_set_bus(sink_.get(), nullptr);
  }
  BareSink(const BareSink&) = delete;
  BareSink& operator=(const BareSink&) = delete;

  void send(Ref<GstEvent> event) { gst_pad_send_event(pad_.get(), event.release()); }
  GstFlowReturn push(Ref<GstBuffer> buffer) { return gst_pad_chain(pad_.get(), buffer.release()); }
  [[nodiscard]] const Blob& header() const { return header_; }
  std::string error() {
    const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR));
    if (!message) return {};
    GError* raw = nullptr;
    gst_message_parse_error(message.get(), &raw, nullptr);
    return gstkit::ErrorPtr { raw } -> message;
  }

 private:
  Ref<GstElement> sink_;
  Ref<GstBus> bus_;
  Ref<GstPad> pad_;
  Blob header_;
};

TEST(ArchiveSink, MediaWithoutASelectorIsAnErrorThatSaysSo) {
  BareSink sink;
  auto header = gstkit::buffer_of(sink.header());
  GST_BUFFER_FLAG_SET(header.get(), GST_BUFFER_FLAG_HEADER);
  EXPECT_EQ(sink.push(std::move(header)), GST_FLOW_OK);
  EXPECT_EQ(sink.error(), "");
  EXPECT_EQ(sink.push(gstkit::buffer_of(Blob::copy_of(as_bytes("chunk")))), GST_FLOW_ERROR);
  EXPECT_THAT(sink.error(), HasSubstr("ingestselector"));
}

TEST(ArchiveSink, AStretchWithATrackThatHasNoPadIsAnErrorThatNamesIt) {
  BareSink sink;
  gstkit::TrackAnnounced announced;
  announced.track.key = "v0";
  sink.send(to_event(announced));
  sink.send(to_event(gstkit::StretchBegin{.id = 1,
                                          .first_slot = 1,
                                          .start_utc = {},
                                          .start_time = 0,
                                          .reference = 1,
                                          .tracks = {1, 2},
                                          .keys = {"v0", "a7"}}));
  sink.send(to_event(gstkit::PartBegin{.slot = 1, .track = 1}));
  EXPECT_EQ(sink.push(gstkit::buffer_of(Blob::copy_of(as_bytes("chunk")))), GST_FLOW_ERROR);
  EXPECT_THAT(sink.error(), HasSubstr("a7"));
}

TEST(ArchiveSink, ADiskThatRefusesFailsThePush) {
  const TemporaryDirectory directory;
  Channel channel{(directory.path() / "archive").string()};
  ASSERT_NE(channel.start(), GST_STATE_CHANGE_FAILURE);
  channel.announce();
  ASSERT_EQ(channel.push(100), GST_FLOW_OK);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{256 * 1024, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const GstFlowReturn flow = channel.push(101, 40'000);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, old_handler);
  EXPECT_EQ(flow, GST_FLOW_ERROR);
  EXPECT_NE(channel.push(102), GST_FLOW_OK) << "still";
  EXPECT_EQ(channel.errors("archivesink"), 1) << "said once";
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
      const auto chunk = timeline->find(number)->find(track);
      ASSERT_NE(chunk, nullptr) << "slot " << number << " track " << track;
      append(*archive->read(*chunk));
    }
    write_file(file, as_text(all));
    EXPECT_EQ(run("ffmpeg -v warning -i " + file + " -f null - 2>&1").output, "");
    const auto probe = run(
        "ffprobe -v error -count_frames -show_entries stream=codec_type,nb_read_frames -of csv=p=0 " + file);
    // Slots are ruled by decode times, which begin two frames of 25 fps before the first picture: audio
    // that starts after 6 s - 80 ms belongs to a slot that never came.
    EXPECT_EQ(probe.output, stretch->find(track)->description.key == "v0" ? "video,150\n" : "audio,278\n");
  }
}

}  // namespace
}  // namespace tarn::test
