// SPDX-License-Identifier: Apache-2.0
#include "manifest/gstmanifestsink.h"

#include <gmock/gmock.h>
#include <gst/check/gsttestclock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include "media.h"
#include "package/gstcmafpackager.h"
#include "package/gsttspackager.h"
#include "tests/support/command.h"
#include "tests/support/tiny_server.h"

namespace tarn::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// A track's way into the sink: cmafpackager, which makes a chunk of every second of audio, and the sink's
// pad.
class ManifestSink : public ::testing::Test {
 protected:
  ManifestSink() {
    GST_ELEMENT_REGISTER(hlsmanifestsink, nullptr);
    GST_ELEMENT_REGISTER(cmafpackager, nullptr);
    bin_ = Ref<GstElement>::adopt(gst_pipeline_new(nullptr));
    sink_ = gst_element_factory_make("hlsmanifestsink", nullptr);
    gst_bin_add(GST_BIN(bin_.get()), sink_);
    location_ = (directory_.path() / "out").string();
    g_object_set(sink_, "location", location_.c_str(), "segment-duration", 2U, nullptr);
    bus_ = Ref<GstBus>::adopt(gst_element_get_bus(bin_.get()));
    video_ = branch("video");
    audio_ = branch("audio");
    gst_element_set_state(bin_.get(), GST_STATE_PLAYING);
    begin(video_, h264_info());
    begin(audio_, aac_info());
  }
  ~ManifestSink() override { gst_element_set_state(bin_.get(), GST_STATE_NULL); }

  // The packager's sink pad, to push on; owned by the packager in the bin.
  GstPad* branch(const char* name) {
    GstElement* packager = gst_element_factory_make("cmafpackager", name);
    g_object_set(packager, "chunk-duration", GST_SECOND, nullptr);
    gst_bin_add(GST_BIN(bin_.get()), packager);
    EXPECT_TRUE(gst_element_link(packager, sink_));
    return Ref<GstPad>::adopt(gst_element_get_static_pad(packager, "sink")).get();
  }
  static bool push(GstPad* pad, GstEvent* event) { return gst_pad_send_event(pad, event) != FALSE; }
  static void begin(GstPad* pad, const codecs::StreamInfo& info) {
    push(pad, gst_event_new_stream_start("test"));
    push(pad, gst_event_new_caps(gstkit::caps_of(info)->get()));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    push(pad, gst_event_new_segment(&segment));
  }
  // Seconds of video, a GOP each, and of audio.
  GstFlowReturn push_video(int first, int count) {
    GstFlowReturn flow = GST_FLOW_OK;
    for (int i = first; i < first + count && flow == GST_FLOW_OK; ++i)
      flow = gst_pad_chain_list(video_, list_of(gop(std::int64_t{90'000} * i), 90'000).release());
    return flow;
  }
  GstFlowReturn push_audio(int first, int frames) {
    return gst_pad_chain_list(audio_, list_of(audio(std::int64_t{1024} * first, frames), 48'000).release());
  }
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> names;
    if (!std::filesystem::exists(location_)) return names;
    for (const auto& entry : std::filesystem::directory_iterator{location_})
      names.insert(entry.path().filename());
    return names;
  }
  // The sink's pad of a branch.
  void release(const char* name) {
    const auto packager = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin_.get()), name));
    const auto out = Ref<GstPad>::adopt(gst_element_get_static_pad(packager.get(), "src"));
    const auto pad = Ref<GstPad>::adopt(gst_pad_get_peer(out.get()));
    gst_pad_unlink(out.get(), pad.get());
    gst_element_release_request_pad(sink_, pad.get());
  }
  // With other properties than those of the constructor.
  void restart_at(const std::string& location) {
    gst_element_set_state(bin_.get(), GST_STATE_NULL);
    g_object_set(sink_, "location", location.c_str(), nullptr);
    gst_element_set_state(bin_.get(), GST_STATE_PLAYING);
    begin(video_, h264_info());
    begin(audio_, aac_info());
  }
  Ref<GstMessage> wait_for(GstMessageType type) {
    return Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), 100 * GST_SECOND, type));
  }
  static std::string text_of(const Ref<GstMessage>& message) {
    GError* raw = nullptr;
    if (message) gst_message_parse_error(message.get(), &raw, nullptr);
    const gstkit::ErrorPtr error{raw};
    return error ? error->message : "";
  }
  Ref<GstMessage> pop(GstMessageType type) {
    return Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), type));
  }

  TemporaryDirectory directory_;
  std::string location_;
  Ref<GstElement> bin_;
  Ref<GstBus> bus_;
  GstElement* sink_ = nullptr;  // the bin's, as are the pads' elements
  GstPad* video_ = nullptr;
  GstPad* audio_ = nullptr;
};

TEST_F(ManifestSink, EosIsPostedWhenEveryPadGotIt) {
  EXPECT_EQ(push_video(0, 3), GST_FLOW_OK);
  EXPECT_EQ(push_audio(0, 140), GST_FLOW_OK);
  push(video_, gst_event_new_eos());
  EXPECT_FALSE(pop(GST_MESSAGE_EOS));
  push(audio_, gst_event_new_eos());
  EXPECT_TRUE(pop(GST_MESSAGE_EOS));
  EXPECT_THAT(read_file(location_ + "/manifest-v1.m3u8"), HasSubstr("#EXT-X-ENDLIST"));
  EXPECT_THAT(files(), Contains("g1-v1-2.m4s"));
}

TEST_F(ManifestSink, TheFirstStreamStartIsPosted) {
  EXPECT_TRUE(pop(GST_MESSAGE_STREAM_START));
  EXPECT_FALSE(pop(GST_MESSAGE_STREAM_START));
}

TEST_F(ManifestSink, AudioIsWaitedForButNotInAGap) {
  EXPECT_EQ(push_audio(0, 48), GST_FLOW_OK);  // one chunk, to 1.024 s
  EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
  EXPECT_THAT(files(), Not(Contains("g1-v1-1.m4s")));
  push(audio_, gst_event_new_gap(1'024 * GST_MSECOND, GST_SECOND));
  EXPECT_THAT(files(), Contains("g1-v1-1.m4s"));
}

TEST_F(ManifestSink, APadThatIsReleasedIsNotWaitedFor) {
  EXPECT_EQ(push_audio(0, 1), GST_FLOW_OK);
  EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
  EXPECT_THAT(files(), Not(Contains("g1-v1-1.m4s")));
  release("audio");
  EXPECT_EQ(push_video(4, 1), GST_FLOW_OK);
  EXPECT_THAT(files(), Contains("g1-v1-1.m4s"));
}

TEST_F(ManifestSink, TheLastPadThatHasNotEndedMayBeReleased) {
  EXPECT_EQ(push_video(0, 3), GST_FLOW_OK);
  push(video_, gst_event_new_eos());
  release("audio");  // which brought nothing
  EXPECT_TRUE(wait_for(GST_MESSAGE_EOS));
  EXPECT_THAT(read_file(location_ + "/manifest-v1.m3u8"), HasSubstr("#EXT-X-ENDLIST"));
  EXPECT_THAT(files(), Contains("g1-v1-2.m4s"));
}

TEST_F(ManifestSink, OneFailureIsOneError) {
  restart_at(location_);
  std::filesystem::remove_all(location_);
  std::ofstream{location_} << "in its place";
  const GstFlowReturn flows[] = {push_audio(0, 200), push_video(0, 4), push_video(4, 4),
                                 push_audio(200, 200)};
  EXPECT_THAT(flows, Contains(GST_FLOW_ERROR));
  push(video_, gst_event_new_eos());
  EXPECT_TRUE(pop(GST_MESSAGE_ERROR));
  EXPECT_FALSE(pop(GST_MESSAGE_ERROR));
  EXPECT_NE(push_video(8, 1), GST_FLOW_OK) << "still";
}

TEST_F(ManifestSink, AfterAStopItsTracksMayBeOthers) {
  EXPECT_EQ(push_audio(0, 200), GST_FLOW_OK);
  EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
  gst_element_set_state(bin_.get(), GST_STATE_NULL);
  const auto pad = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink_, "sink_%u"));
  ASSERT_TRUE(pad);
  gst_element_release_request_pad(sink_, pad.get());
}

// A port on which nobody listens: it is tried for half a minute.
TEST_F(ManifestSink, AStopDoesNotWaitForAServerThatIsAway) {
  restart_at("http://127.0.0.1:1/");
  EXPECT_EQ(push_audio(0, 200), GST_FLOW_OK);
  EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
  push(video_, gst_event_new_eos());
  auto ended = std::async(std::launch::async, [&] { push(audio_, gst_event_new_eos()); });
  ASSERT_TRUE(wait_for(GST_MESSAGE_WARNING));  // it has been tried
  EXPECT_EQ(ended.wait_for(std::chrono::milliseconds{100}), std::future_status::timeout);
  const auto before = std::chrono::steady_clock::now();
  gst_element_set_state(bin_.get(), GST_STATE_NULL);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds{10});
  ended.get();
  EXPECT_FALSE(pop(GST_MESSAGE_EOS));
  EXPECT_FALSE(pop(GST_MESSAGE_ERROR));
}

TEST_F(ManifestSink, ThatNoServerTookAnythingIsAnError) {
  TinyServer server{[](const auto& request) {
    return request.line.find(".m4s") != std::string::npos || request.line.find(".m3u8") != std::string::npos
               ? "409 Conflict"
               : "403 Forbidden";
  }};
  restart_at(server.url());
  (void)push_audio(0, 200);
  (void)push_video(0, 4);
  push(video_, gst_event_new_eos());
  push(audio_, gst_event_new_eos());
  EXPECT_THAT(text_of(wait_for(GST_MESSAGE_ERROR)), HasSubstr("answered 403"));
  EXPECT_FALSE(pop(GST_MESSAGE_EOS));
  EXPECT_FALSE(pop(GST_MESSAGE_ERROR)) << "one";
}

TEST_F(ManifestSink, RefusedCredentialsEndItAtOnce) {
  TinyServer first{[](const auto&) { return "401 Unauthorized"; }};
  TinyServer second{[](const auto&) { return "401 Unauthorized"; }};
  gst_element_set_state(bin_.get(), GST_STATE_NULL);
  g_object_set(sink_, "second-location", second.url().c_str(), nullptr);
  restart_at(first.url());
  (void)push_audio(0, 200);
  (void)push_video(0, 4);
  const auto message = wait_for(GST_MESSAGE_ERROR);
  ASSERT_TRUE(message);
  GError* raw = nullptr;
  gst_message_parse_error(message.get(), &raw, nullptr);
  const gstkit::ErrorPtr error{raw};
  EXPECT_TRUE(g_error_matches(error.get(), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED));
  EXPECT_EQ(push_video(4, 1), GST_FLOW_ERROR);
  push(video_, gst_event_new_eos());
  push(audio_, gst_event_new_eos());
  gst_element_set_state(bin_.get(), GST_STATE_NULL);
  EXPECT_FALSE(pop(GST_MESSAGE_ERROR)) << "one";
}

TEST_F(ManifestSink, ASegmentThatAServerRefusesForGoodIsAGapThere) {
  TinyServer server{[](const auto& request) {
    return request.line.find("/g1-v1-1.m4s") != std::string::npos ? "413 Content Too Large" : "201 Created";
  }};
  restart_at(server.url());
  EXPECT_EQ(push_audio(0, 200), GST_FLOW_OK);
  EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
  push(video_, gst_event_new_eos());
  push(audio_, gst_event_new_eos());
  ASSERT_TRUE(wait_for(GST_MESSAGE_EOS));
  std::string playlist;
  for (const auto& request : server.requests())
    if (request.line.find("/manifest-v1.m3u8") != std::string::npos) playlist = request.body;
  EXPECT_THAT(playlist, HasSubstr("#EXT-X-GAP\ng1-v1-1.m4s\n"));
  EXPECT_THAT(playlist, HasSubstr("#EXT-X-VERSION:8\n"));
  EXPECT_THAT(playlist, Not(HasSubstr("#EXT-X-GAP\ng1-v1-2.m4s\n")));
}

TEST_F(ManifestSink, ALocationThatCannotBeWrittenIsAnErrorAtTheStart) {
  std::filesystem::create_directories(directory_.path());
  const std::string file = (directory_.path() / "file").string();
  std::ofstream{file} << "x";
  // The last is read-only for everybody.
  for (const std::string& place : {file, file + "/below", std::string{"/proc/self"}}) {
    gst_element_set_state(bin_.get(), GST_STATE_READY);
    g_object_set(sink_, "location", place.c_str(), nullptr);
    EXPECT_EQ(gst_element_set_state(sink_, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE) << place;
    EXPECT_THAT(text_of(pop(GST_MESSAGE_ERROR)), HasSubstr(place));
  }
}

TEST_F(ManifestSink, AFileUrlIsADirectory) {
  location_ = (directory_.path() / "with space").string();
  restart_at("file://" + directory_.path().string() + "/with%20space");
  EXPECT_EQ(push_audio(0, 200), GST_FLOW_OK);
  EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
  EXPECT_THAT(files(), Contains("g1-v1-1.m4s"));
  gst_element_set_state(bin_.get(), GST_STATE_READY);
  g_object_set(sink_, "location", "file://elsewhere/out", nullptr);
  EXPECT_EQ(gst_element_set_state(sink_, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_THAT(text_of(pop(GST_MESSAGE_ERROR)), HasSubstr("file://elsewhere/out"));
}

TEST_F(ManifestSink, AServerThatRefusesIsAWarningWhereTheOtherTakesAll) {
  TinyServer refusing{[](const auto&) { return "403 Forbidden"; }};
  TinyServer taking{[](const auto&) { return "201 Created"; }};
  gst_element_set_state(bin_.get(), GST_STATE_NULL);
  g_object_set(sink_, "second-location", taking.url().c_str(), nullptr);
  restart_at(refusing.url());
  EXPECT_EQ(push_audio(0, 200), GST_FLOW_OK);
  EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
  push(video_, gst_event_new_eos());
  push(audio_, gst_event_new_eos());
  EXPECT_TRUE(wait_for(GST_MESSAGE_WARNING));
  const auto last = wait_for(static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ASSERT_TRUE(last);
  EXPECT_EQ(GST_MESSAGE_TYPE(last.get()), GST_MESSAGE_EOS);
  EXPECT_THAT(taking.lines(), Contains("PUT /g1-v1-1.m4s"));
}

TEST_F(ManifestSink, OtherParametersInTheMiddleAreADiscontinuity) {
  EXPECT_EQ(push_audio(0, 400), GST_FLOW_OK);
  EXPECT_EQ(push_video(0, 3), GST_FLOW_OK);
  auto other = h264_info();
  other.sar_width = 4;
  other.sar_height = 3;
  push(video_, gst_event_new_caps(gstkit::caps_of(other)->get()));
  EXPECT_EQ(push_video(3, 4), GST_FLOW_OK);
  EXPECT_FALSE(pop(GST_MESSAGE_ERROR));
  EXPECT_THAT(files(), Contains("g1-v1-i2.mp4"));
  EXPECT_THAT(read_file(location_ + "/manifest-v1.m3u8"),
              HasSubstr("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"g1-v1-i2.mp4\""));
}

// ---- live: upstream says so, and the clock is the test's

class LiveManifestSink : public ManifestSink {
 protected:
  LiveManifestSink() {
    gst_element_set_state(bin_.get(), GST_STATE_NULL);
    clock_ = Ref<GstClock>::adopt(gst_test_clock_new());
    gst_pipeline_use_clock(GST_PIPELINE(bin_.get()), clock_.get());
    gst_element_set_start_time(bin_.get(), GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(bin_.get(), 0);
    video_peer_ = peer_of(video_);
    audio_peer_ = peer_of(audio_);
    gst_element_set_state(bin_.get(), GST_STATE_PLAYING);
    begin(video_, h264_info());
  }
  ~LiveManifestSink() override {
    gst_element_set_state(bin_.get(), GST_STATE_NULL);
    gst_pad_unlink(video_peer_.get(), video_);
    gst_pad_unlink(audio_peer_.get(), audio_);
  }
  // A pad of a live source.
  static Ref<GstPad> peer_of(GstPad* pad) {
    auto peer = Ref<GstPad>::share(gst_pad_new(nullptr, GST_PAD_SRC));
    gst_pad_set_query_function(
        peer.get(), +[](GstPad* self, GstObject* parent, GstQuery* query) -> gboolean {
          if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(self, parent, query);
          gst_query_set_latency(query, TRUE, 0, GST_CLOCK_TIME_NONE);
          return TRUE;
        });
    EXPECT_EQ(gst_pad_link(peer.get(), pad), GST_PAD_LINK_OK);
    return peer;
  }
  void set_time(int seconds) {
    gst_test_clock_set_time(GST_TEST_CLOCK(clock_.get()), static_cast<GstClockTime>(seconds) * GST_SECOND);
  }
  // Seconds of video as a live source brings them.
  void live_video(int first, int count) {
    for (int i = first; i < first + count; ++i) {
      set_time(i + 1);
      EXPECT_EQ(push_video(i, 1), GST_FLOW_OK);
    }
  }
  std::string warning() {
    const auto message = pop(GST_MESSAGE_WARNING);
    GError* raw = nullptr;
    if (message) gst_message_parse_warning(message.get(), &raw, nullptr);
    const gstkit::ErrorPtr error{raw};
    return error ? error->message : "";
  }
  Ref<GstClock> clock_;
  Ref<GstPad> video_peer_;
  Ref<GstPad> audio_peer_;
};

TEST_F(LiveManifestSink, SegmentsGoOnWithoutAStreamThatStops) {
  begin(audio_, aac_info());
  EXPECT_EQ(push_audio(0, 48), GST_FLOW_OK);
  live_video(0, 4);
  EXPECT_THAT(files(), Not(Contains("g1-v1-1.m4s")));
  live_video(4, 6);
  EXPECT_THAT(files(), Contains("g1-v1-2.m4s"));
  EXPECT_THAT(warning(), HasSubstr("sink_1 has brought nothing in time"));
  EXPECT_EQ(warning(), "");
  EXPECT_EQ(push_audio(48, 600), GST_FLOW_OK);  // all of it at once, to 13.8 s
  live_video(10, 4);
  EXPECT_THAT(read_file(location_ + "/manifest-a2.m3u8"), HasSubstr("#EXT-X-GAP"));
  EXPECT_THAT(files(), Contains("g1-a2-6.m4s"));
  EXPECT_FALSE(pop(GST_MESSAGE_ERROR));
}

TEST_F(LiveManifestSink, AStreamThatDoesNotBeginIsLeftOut) {
  live_video(0, 8);
  EXPECT_THAT(files(), Contains("g1-v1-2.m4s"));
  EXPECT_THAT(warning(), HasSubstr("sink_1 has brought nothing before the first segment"));
  begin(audio_, aac_info());
  EXPECT_EQ(push_audio(0, 400), GST_FLOW_OK) << "nobody is stopped by it";
  EXPECT_FALSE(pop(GST_MESSAGE_ERROR));
}

TEST_F(ManifestSink, SaysOnceThatChunksAreLongerThanSegments) {
  const auto packager = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin_.get()), "audio"));
  for (const guint seconds : {2U, 1U}) {
    gst_element_set_state(bin_.get(), GST_STATE_NULL);
    g_object_set(packager.get(), "chunk-duration", 2 * GST_SECOND, nullptr);
    g_object_set(sink_, "segment-duration", seconds, nullptr);
    restart_at(location_);
    EXPECT_EQ(push_audio(0, 200), GST_FLOW_OK);
    EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
    EXPECT_EQ(push_audio(200, 200), GST_FLOW_OK);
    EXPECT_EQ(static_cast<bool>(pop(GST_MESSAGE_WARNING)), seconds == 1);
    EXPECT_FALSE(pop(GST_MESSAGE_WARNING));
  }
}

TEST_F(ManifestSink, AfterAFlushItGoesOn) {
  EXPECT_EQ(push_audio(0, 200), GST_FLOW_OK);
  EXPECT_EQ(push_video(0, 2), GST_FLOW_OK);
  push(video_, gst_event_new_flush_start());
  EXPECT_EQ(push_video(2, 1), GST_FLOW_FLUSHING);
  push(video_, gst_event_new_flush_stop(FALSE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  push(video_, gst_event_new_segment(&segment));
  EXPECT_EQ(push_video(2, 3), GST_FLOW_OK);
  EXPECT_THAT(files(), Contains("g1-v1-1.m4s"));
  EXPECT_FALSE(pop(GST_MESSAGE_ERROR));
}

TEST_F(ManifestSink, APadThatIsFarAheadWaitsForTheOthers) {
  std::promise<GstFlowReturn> pushed;
  auto outcome = pushed.get_future();
  std::thread thread{[&] { pushed.set_value(push_video(0, 80)); }};
  EXPECT_EQ(outcome.wait_for(std::chrono::milliseconds{200}), std::future_status::timeout);
  EXPECT_EQ(push_audio(0, 47 * 80), GST_FLOW_OK);
  EXPECT_EQ(outcome.get(), GST_FLOW_OK);
  thread.join();
  EXPECT_THAT(files(), Contains("g1-v1-39.m4s"));
}

TEST_F(ManifestSink, AStateChangeWakesAPadThatWaits) {
  std::promise<GstFlowReturn> pushed;
  auto outcome = pushed.get_future();
  std::thread thread{[&] { pushed.set_value(push_video(0, 80)); }};
  EXPECT_EQ(outcome.wait_for(std::chrono::milliseconds{200}), std::future_status::timeout);
  gst_element_set_state(bin_.get(), GST_STATE_NULL);
  EXPECT_EQ(outcome.get(), GST_FLOW_FLUSHING);
  thread.join();
}

TEST_F(ManifestSink, StateChangesDoNotWaitForMediaAndItStartsAnew) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(push_audio(0, 200), GST_FLOW_OK);
    EXPECT_EQ(push_video(0, 4), GST_FLOW_OK);
    EXPECT_THAT(files(), Contains("g1-v1-1.m4s")) << round;
    EXPECT_EQ(gst_element_set_state(bin_.get(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    std::filesystem::remove_all(location_);
    EXPECT_EQ(gst_element_set_state(bin_.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    begin(video_, h264_info());
    begin(audio_, aac_info());
  }
}

// ---- judged by ffprobe

class PlayedManifest : public ::testing::Test {
 protected:
  // Of all streams of the playlist: frames or packets, and how often the stream was listed counts once.
  std::string counted(const std::string& what) {
    return run("ffprobe -v error -count_" + what + " -show_entries stream=nb_read_" + what + " -of csv=p=0 " +
               (directory_.path() / "out/manifest.m3u8").string() + " 2>&1 | grep . | sort -u | tr '\n' ' '")
        .output;
  }
  std::string run_into(const std::string& pipeline) {
    GST_ELEMENT_REGISTER(hlsmanifestsink, nullptr);
    GST_ELEMENT_REGISTER(cmafpackager, nullptr);
    GST_ELEMENT_REGISTER(tspackager, nullptr);
    return run_pipeline("hlsmanifestsink name=out segment-duration=2 location=" +
                        (directory_.path() / "out").string() + " " + pipeline);
  }
  TemporaryDirectory directory_;
};

TEST_F(PlayedManifest, SoundThatBeginsThreeSegmentsLateIsThere) {
  if (!has_elements({"x264enc", "h264parse", "avenc_aac", "aacparse"})) GTEST_SKIP() << "no encoders";
  if (!has_command("ffprobe")) GTEST_SKIP() << "no ffprobe";
  ASSERT_EQ(run_into("tspackager name=ts segment-duration=2 ! out. "
                     "videotestsrc num-buffers=300 ! video/x-raw,width=320,height=180,framerate=25/1 ! "
                     "x264enc key-int-max=50 ! h264parse ! queue ! ts. "
                     "audiotestsrc num-buffers=200 samplesperbuffer=1024 timestamp-offset=7000000000 ! "
                     "audio/x-raw,rate=48000 ! avenc_aac ! aacparse ! queue ! ts."),
            "");
  EXPECT_EQ(counted("packets"), "201 300 ");
  EXPECT_THAT(read_file(directory_.path() / "out/manifest.m3u8"), HasSubstr("mp4a.40.2"));
}

TEST_F(PlayedManifest, AnotherPictureSizeInTheMiddleIsPlayed) {
  if (!has_elements({"x264enc", "h264parse", "concat"})) GTEST_SKIP() << "no encoders";
  if (!has_command("ffprobe")) GTEST_SKIP() << "no ffprobe";
  for (const char* packager : {"cmafpackager", "tspackager segment-duration=2"}) {
    std::filesystem::remove_all(directory_.path() / "out");
    ASSERT_EQ(
        run_into("concat name=both ! x264enc key-int-max=50 ! h264parse ! " + std::string{packager} +
                 " ! out. videotestsrc num-buffers=110 ! "
                 "video/x-raw,width=320,height=180,framerate=25/1 ! both. videotestsrc num-buffers=110 ! "
                 "video/x-raw,width=640,height=360,framerate=25/1 ! both."),
        "");
    EXPECT_EQ(counted("frames"), "220 ") << packager;
    EXPECT_THAT(read_file(directory_.path() / "out/manifest-v1.m3u8"), HasSubstr("#EXT-X-DISCONTINUITY"));
  }
}

}  // namespace
}  // namespace tarn::test
