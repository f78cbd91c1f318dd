// SPDX-License-Identifier: Apache-2.0
#include "package/gstcmafpackager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/isobmff/cmaf.h"
#include "media.h"
#include "tests/support/command.h"

namespace tarn::test {
namespace {

using ::testing::HasSubstr;

class CmafPackager : public ::testing::Test {
 protected:
  CmafPackager() {
    GST_ELEMENT_REGISTER(cmafpackager, nullptr);
    element_ = Ref<GstElement>::adopt(gst_element_factory_make("cmafpackager", nullptr));
  }
  ~CmafPackager() override {
    if (harness_ != nullptr) gst_harness_teardown(harness_);
  }

  void start() { harness_ = gst_harness_new_with_element(element_.get(), "sink", "src"); }

  bool push(Ref<GstEvent> event) { return gst_harness_push_event(harness_, event.release()) != FALSE; }
  void push_caps(const codecs::StreamInfo& info) {
    push(Ref<GstEvent>::adopt(gst_event_new_caps(gstkit::caps_of(info)->get())));
  }
  void begin(const codecs::StreamInfo& info) {
    push(Ref<GstEvent>::adopt(gst_event_new_stream_start("test")));
    push_caps(info);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    push(Ref<GstEvent>::adopt(gst_event_new_segment(&segment)));
  }
  GstFlowReturn push_list(Ref<GstBufferList> list) {
    const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(element_.get(), "sink"));
    return gst_pad_chain_list(pad.get(), list.release());
  }
  GstFlowReturn push_part(std::uint64_t slot, const std::vector<Unit>& units, const codecs::StreamInfo& info,
                          std::uint8_t mark = 0) {
    EXPECT_TRUE(push(to_event(gstkit::PartBegin{.slot = slot, .track = 1, .start = units.front().dts})));
    return push_list(list_of(units, info.timescale, mark));
  }
  Ref<GstBuffer> pull() { return Ref<GstBuffer>::adopt(gst_harness_try_pull(harness_)); }
  Ref<GstBuffer> pull_chunk() {
    auto buffer = pull();
    while (buffer && GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER)) buffer = pull();
    return buffer;
  }
  gstkit::CmafTrack output_track() {
    const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(element_.get(), "src"));
    const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
    auto track = gstkit::cmaf_track_of(caps.get());
    EXPECT_TRUE(track);
    return *track;
  }

  static isobmff::ParsedChunks parse(GstBuffer* chunk) {
    const auto parsed = isobmff::parse_chunks(bytes_of(chunk));
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *parsed : isobmff::ParsedChunks{};
  }

  Ref<GstElement> element_;
  GstHarness* harness_ = nullptr;
};

TEST_F(CmafPackager, AnswersAStretchWithCapsAndHeaderBeforeAnyPart) {
  start();
  begin(h264_info());
  EXPECT_FALSE(pull());
  gstkit::TrackAnnounced announced;
  announced.track.key = "v0";
  announced.track.language = "deu";
  push(to_event(announced));
  push(to_event(gstkit::StretchBegin{.id = 1, .tracks = {1}, .keys = {"v0"}}));

  const auto header = pull();
  ASSERT_TRUE(header);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(header.get(), GST_BUFFER_FLAG_HEADER));
  const auto track = output_track();
  EXPECT_EQ(track.header.size(), gst_buffer_get_size(header.get()));
  EXPECT_EQ(as_text(track.header.bytes()), as_text(bytes_of(header.get())));
  EXPECT_EQ(track.info, h264_info());
  EXPECT_EQ(track.language, "deu");
  EXPECT_FALSE(pull());
}

TEST_F(CmafPackager, EventsKeepTheirPlaceBehindTheCaps) {
  start();
  begin(aac_info());
  push(to_event(gstkit::TrackAnnounced{}));
  push(to_event(gstkit::StretchBegin{.id = 1}));
  std::vector<std::string> names;
  while (const auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_event(harness_))) {
    const auto* structure = gst_event_get_structure(event.get());
    const bool ours = GST_EVENT_TYPE(event.get()) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY;
    names.emplace_back(ours ? gst_structure_get_name(structure) : GST_EVENT_TYPE_NAME(event.get()));
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"stream-start", "caps", "segment", "tarn/track", "tarn/stretch"}));
}

TEST_F(CmafPackager, APartIsOneChunkWithTheSlotsNumberAndExactTimes) {
  start();
  begin(h264_info());
  const std::int64_t time = (std::int64_t{1} << 33) + 12'345;
  auto units = gop(time, 4);
  units[1].pts = units[1].dts + 7200;
  units[2].pts = units[2].dts - 3600;
  ASSERT_EQ(push_part((1ULL << 32U) + 5, units, h264_info()), GST_FLOW_OK);

  const auto chunk = pull_chunk();
  ASSERT_TRUE(chunk);
  const ByteVector bytes = bytes_of(chunk.get());
  const auto at = as_text(bytes).find("mfhd");
  ASSERT_NE(at, std::string_view::npos);
  Reader reader{Bytes{bytes}.subspan(at + 8)};
  EXPECT_EQ(reader.u32(), 5U);  // modulo 2^32
  const auto parsed = parse(chunk.get());
  ASSERT_EQ(parsed.samples.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(parsed.samples[i].dts, units[i].dts);
    EXPECT_EQ(parsed.samples[i].pts, units[i].pts);
    EXPECT_EQ(parsed.samples[i].duration, 3600U);
    EXPECT_EQ(parsed.samples[i].sync, i == 0);
    EXPECT_EQ(bytes[parsed.samples[i].offset], i);
    EXPECT_EQ(parsed.samples[i].size, units[i].size);
  }
  EXPECT_EQ(gstkit::to_ticks(GST_BUFFER_DTS(chunk.get()), 90'000), time);
  EXPECT_EQ(gstkit::to_ticks(GST_BUFFER_DURATION(chunk.get()), 90'000), 4 * 3600);
  EXPECT_FALSE(GST_BUFFER_FLAG_IS_SET(chunk.get(), GST_BUFFER_FLAG_DELTA_UNIT));
}

TEST_F(CmafPackager, ThePayloadIsSharedNotCopied) {
  start();
  begin(h264_info());
  push(to_event(gstkit::PartBegin{.slot = 1, .track = 1}));
  auto list = list_of(gop(0, 50), 90'000);
  GstMapInfo first{};
  ASSERT_TRUE(gst_buffer_map(gst_buffer_list_get(list.get(), 0), &first, GST_MAP_READ));
  const std::uint8_t* const payload = first.data;
  gst_buffer_unmap(gst_buffer_list_get(list.get(), 0), &first);
  ASSERT_EQ(push_list(std::move(list)), GST_FLOW_OK);

  const auto chunk = pull_chunk();
  ASSERT_TRUE(chunk);
  ASSERT_EQ(gst_buffer_n_memory(chunk.get()), 2U);
  const auto blobs = gstkit::blobs_of(chunk.get());
  ASSERT_TRUE(blobs);
  EXPECT_EQ((*blobs)[1].data(), payload);
  EXPECT_EQ((*blobs)[1].size(), 500U);
}

TEST_F(CmafPackager, UnitsOfManyMemoriesAreStillOneChunk) {
  start();
  begin(aac_info());
  push(to_event(gstkit::PartBegin{.slot = 1, .track = 1}));
  auto list = Ref<GstBufferList>::adopt(gst_buffer_list_new());
  ByteVector expected;
  for (int i = 0; i < 30; ++i) {
    const auto single = list_of(audio(i * 1024, 1), 48'000, static_cast<std::uint8_t>(i));
    GstBuffer* unit = gst_buffer_list_get(single.get(), 0);
    const ByteVector bytes = bytes_of(unit);
    expected.insert(expected.end(), bytes.begin(), bytes.end());
    gst_buffer_list_add(list.get(), Ref<GstBuffer>::share(unit).release());
  }
  ASSERT_EQ(push_list(std::move(list)), GST_FLOW_OK);
  const auto chunk = pull_chunk();
  ASSERT_TRUE(chunk);
  EXPECT_EQ(gst_buffer_n_memory(chunk.get()), 2U);
  const ByteVector bytes = bytes_of(chunk.get());
  EXPECT_EQ(as_text(Bytes{bytes}.last(expected.size())), as_text(expected));
  EXPECT_EQ(parse(chunk.get()).samples.size(), 30U);
}

TEST_F(CmafPackager, ALostFrameLengthensTheOneBeforeIt) {
  start();
  begin(aac_info());
  auto units = audio(0, 5);
  units.erase(units.begin() + 2);
  ASSERT_EQ(push_part(1, units, aac_info()), GST_FLOW_OK);
  const auto parsed = parse(pull_chunk().get());
  ASSERT_EQ(parsed.samples.size(), 4U);
  EXPECT_EQ(parsed.samples[1].duration, 2048U);
  EXPECT_EQ(parsed.samples[3].duration, 1024U);
}

TEST_F(CmafPackager, AUnitWhoseTimeGoesBackIsDropped) {
  start();
  begin(h264_info());
  auto units = gop(90'000, 4);
  units[2].dts = units[2].pts = 0;
  ASSERT_EQ(push_part(1, units, h264_info()), GST_FLOW_OK);
  const auto parsed = parse(pull_chunk().get());
  ASSERT_EQ(parsed.samples.size(), 3U);
  EXPECT_EQ(parsed.samples[1].duration, 7200U);
}

TEST_F(CmafPackager, APartThatDoesNotBeginWithASyncSampleIsADeltaUnit) {
  start();
  begin(h264_info());
  auto units = gop(0, 3);
  units[0].sync = false;
  ASSERT_EQ(push_part(1, units, h264_info()), GST_FLOW_OK);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(pull_chunk().get(), GST_BUFFER_FLAG_DELTA_UNIT));
}

TEST_F(CmafPackager, NewParametersGiveANewHeaderBeforeTheNextChunk) {
  start();
  begin(h264_info());
  ASSERT_EQ(push_part(1, gop(0, 2), h264_info()), GST_FLOW_OK);
  auto other = h264_info();
  other.sar_width = 4;
  other.sar_height = 3;
  push_caps(other);
  ASSERT_EQ(push_part(2, gop(7200, 2), other), GST_FLOW_OK);
  std::vector<bool> headers;
  while (const auto buffer = pull())
    headers.push_back(GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER));
  EXPECT_EQ(headers, (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(output_track().info.sar_width, 4U);
}

TEST_F(CmafPackager, TheSameCapsAgainChangeNothing) {
  start();
  begin(h264_info());
  ASSERT_EQ(push_part(1, gop(0, 2), h264_info()), GST_FLOW_OK);
  push_caps(h264_info());
  ASSERT_EQ(push_part(2, gop(7200, 2), h264_info()), GST_FLOW_OK);
  EXPECT_EQ(gst_harness_buffers_in_queue(harness_), 3U);
}

TEST_F(CmafPackager, WithoutPartsAChunkIsAGopAndTheLastOneComesWithEos) {
  start();
  begin(h264_info());
  for (const std::int64_t start : {0, 10 * 3600, 22 * 3600}) {
    const int frames = start == 10 * 3600 ? 12 : 10;
    ASSERT_EQ(push_list(list_of(gop(start, frames), 90'000)), GST_FLOW_OK);
  }
  push(Ref<GstEvent>::adopt(gst_event_new_eos()));
  std::vector<std::size_t> counts;
  std::vector<std::int64_t> starts;
  while (const auto chunk = pull_chunk()) {
    const auto parsed = parse(chunk.get());
    counts.push_back(parsed.samples.size());
    starts.push_back(parsed.samples.front().dts);
  }
  EXPECT_EQ(counts, (std::vector<std::size_t>{10, 12, 10}));
  EXPECT_EQ(starts, (std::vector<std::int64_t>{0, 36'000, 79'200}));
}

TEST_F(CmafPackager, WithoutPartsTheHeaderComesBeforeTheFirstChunkIsWhole) {
  start();
  begin(aac_info());
  ASSERT_EQ(push_list(list_of(audio(0, 1), 48'000)), GST_FLOW_OK);
  const auto header = pull();
  ASSERT_TRUE(header);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(header.get(), GST_BUFFER_FLAG_HEADER));
  EXPECT_FALSE(pull());
}

TEST_F(CmafPackager, WithoutPartsAudioChunksAreWholeFramesOfTheChunkDuration) {
  g_object_set(element_.get(), "chunk-duration", GST_SECOND, nullptr);
  start();
  begin(aac_info());
  ASSERT_EQ(push_list(list_of(audio(0, 100), 48'000)), GST_FLOW_OK);
  push(Ref<GstEvent>::adopt(gst_event_new_eos()));
  std::vector<std::size_t> counts;
  while (const auto chunk = pull_chunk()) counts.push_back(parse(chunk.get()).samples.size());
  EXPECT_EQ(counts, (std::vector<std::size_t>{47, 47, 6}));  // 47 x 1024 = 48128
}

TEST_F(CmafPackager, WithoutPartsItSaysThatItKeepsAChunkBack) {
  g_object_set(element_.get(), "chunk-duration", GST_SECOND, nullptr);
  start();
  gst_harness_set_upstream_latency(harness_, 5 * GST_MSECOND);
  begin(h264_info());
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element_.get(), bus.get());
  const auto has_changed = [&] {
    return static_cast<bool>(Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_LATENCY)));
  };
  EXPECT_EQ(gst_harness_query_latency(harness_), GST_SECOND + 5 * GST_MSECOND);
  ASSERT_EQ(push_list(list_of(gop(0, 50), 90'000)), GST_FLOW_OK);  // 2 s
  EXPECT_FALSE(has_changed());
  ASSERT_EQ(push_list(list_of(gop(50 * 3600, 10), 90'000)), GST_FLOW_OK);
  EXPECT_TRUE(has_changed());
  EXPECT_EQ(gst_harness_query_latency(harness_), 2 * GST_SECOND + 5 * GST_MSECOND);
  gst_element_set_bus(element_.get(), nullptr);
}

TEST_F(CmafPackager, BehindASelectorItKeepsNothingBack) {
  start();
  gst_harness_set_upstream_latency(harness_, 5 * GST_MSECOND);
  begin(h264_info());
  ASSERT_EQ(push_part(1, gop(0, 50), h264_info()), GST_FLOW_OK);
  EXPECT_EQ(gst_harness_query_latency(harness_), 5 * GST_MSECOND);
}

TEST_F(CmafPackager, AFlushForgetsTheChunkAndKeepsTheHeader) {
  start();
  begin(h264_info());
  ASSERT_EQ(push_list(list_of(gop(0, 5), 90'000)), GST_FLOW_OK);
  EXPECT_TRUE(pull());  // the header
  push(Ref<GstEvent>::adopt(gst_event_new_flush_start()));
  EXPECT_EQ(push_list(list_of(gop(18'000, 1), 90'000)), GST_FLOW_FLUSHING);
  push(Ref<GstEvent>::adopt(gst_event_new_flush_stop(TRUE)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = 10 * GST_SECOND;
  push(Ref<GstEvent>::adopt(gst_event_new_segment(&segment)));
  ASSERT_EQ(push_list(list_of(gop(900'000, 3), 90'000)), GST_FLOW_OK);
  push(Ref<GstEvent>::adopt(gst_event_new_eos()));
  const auto chunk = pull();
  ASSERT_TRUE(chunk);
  EXPECT_FALSE(GST_BUFFER_FLAG_IS_SET(chunk.get(), GST_BUFFER_FLAG_HEADER));
  const auto parsed = parse(chunk.get());
  ASSERT_EQ(parsed.samples.size(), 3U) << "what came before the flush is gone";
  EXPECT_EQ(parsed.samples[0].dts, 0) << "running time begins anew";
  EXPECT_FALSE(pull());
}

TEST_F(CmafPackager, WhatCameBeforeAGapIsInFrontOfIt) {
  start();
  begin(aac_info());
  ASSERT_EQ(push_list(list_of(audio(0, 10), 48'000)), GST_FLOW_OK);
  push(Ref<GstEvent>::adopt(gst_event_new_gap(GST_SECOND, GST_SECOND)));
  EXPECT_EQ(parse(pull_chunk().get()).samples.size(), 10U);
  std::vector<std::string> names;
  while (const auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_event(harness_)))
    names.emplace_back(GST_EVENT_TYPE_NAME(event.get()));
  EXPECT_EQ(names, (std::vector<std::string>{"stream-start", "caps", "segment", "gap"}));
}

TEST_F(CmafPackager, NotLinkedIsTheAnswerToThePush) {
  harness_ = gst_harness_new_with_element(element_.get(), "sink", nullptr);
  begin(h264_info());
  EXPECT_EQ(push_list(list_of(gop(0, 5), 90'000)), GST_FLOW_NOT_LINKED);
}

TEST_F(CmafPackager, StartsAnewAfterNull) {
  for (int round = 0; round < 3; ++round) {
    start();
    begin(h264_info());
    ASSERT_EQ(push_part(1, gop(0, 5), h264_info()), GST_FLOW_OK);
    ASSERT_EQ(push_list(list_of(gop(90'000, 5), 90'000)), GST_FLOW_OK);  // stays unfinished
    EXPECT_EQ(gst_harness_buffers_in_queue(harness_), 2U) << "round " << round;
    EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    gst_harness_teardown(std::exchange(harness_, nullptr));
  }
}

TEST_F(CmafPackager, AStreamItDoesNotCarryIsAnError) {
  start();
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element_.get(), bus.get());
  push(Ref<GstEvent>::adopt(gst_event_new_stream_start("test")));
  const auto caps = Ref<GstCaps>::adopt(gst_caps_from_string(
      "video/x-h264, stream-format=(string)avc, alignment=(string)au, codec_data=(buffer)00112233445566"));
  push(Ref<GstEvent>::adopt(gst_event_new_caps(caps.get())));
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  EXPECT_TRUE(message);
  gst_element_set_bus(element_.get(), nullptr);
}

// However many buffers still come.
TEST_F(CmafPackager, OneFailureIsOneError) {
  start();
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element_.get(), bus.get());
  push(Ref<GstEvent>::adopt(gst_event_new_stream_start("test")));
  const auto caps = Ref<GstCaps>::adopt(
      gst_caps_from_string("audio/x-ac3, framed=(boolean)true, rate=(int)48000, channels=(int)2"));
  push(Ref<GstEvent>::adopt(gst_event_new_caps(caps.get())));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  push(Ref<GstEvent>::adopt(gst_event_new_segment(&segment)));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(push_list(list_of(audio(i * 1'536, 1), 48'000)), GST_FLOW_ERROR);
  int errors = 0;
  while (Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR))) ++errors;
  EXPECT_EQ(errors, 1);
  gst_element_set_bus(element_.get(), nullptr);
}

TEST_F(CmafPackager, ALanguageTagIsTheTracksUnlessItsTrackSaysMore) {
  const auto tag = [](const char* code) {
    return Ref<GstEvent>::adopt(gst_event_new_tag(gst_tag_list_new(GST_TAG_LANGUAGE_CODE, code, nullptr)));
  };
  start();
  push(Ref<GstEvent>::adopt(gst_event_new_stream_start("test")));
  push(tag("de"));
  push_caps(aac_info());
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  push(Ref<GstEvent>::adopt(gst_event_new_segment(&segment)));
  const auto language_of_chunk_at = [&](std::int64_t start) {
    EXPECT_EQ(push_list(list_of(audio(start, 10), 48'000)), GST_FLOW_OK);
    push(Ref<GstEvent>::adopt(gst_event_new_gap(GST_SECOND, GST_SECOND)));  // nothing more belongs to it
    return output_track().language;
  };
  EXPECT_EQ(language_of_chunk_at(0), "de");
  gstkit::TrackAnnounced announced;
  announced.track.language = "fr-CA";
  push(to_event(announced));
  push(tag("en"));
  EXPECT_EQ(language_of_chunk_at(48'000), "fr-CA");
}

// ---- judged by ffprobe

struct LaunchCase {
  const char* name;
  const char* source;
  int frames;
  const char* seconds;
  const char* elements = "x264enc avenc_aac";
};
void PrintTo(const LaunchCase& launch, std::ostream* out) { *out << launch.name; }

class CmafFile : public CmafPackager, public ::testing::WithParamInterface<LaunchCase> {};

TEST_P(CmafFile, IsWholeAndDecodesWithoutAnError) {
  for (const std::string_view name : split(GetParam().elements, ' ')) {
    if (!has_elements({std::string{name}.c_str()})) GTEST_SKIP() << "no " << name;
  }
  if (!has_command("ffprobe")) GTEST_SKIP() << "no ffprobe";
  const TemporaryDirectory directory;
  const std::string file = (directory.path() / "x.mp4").string();
  ASSERT_EQ(run_pipeline(std::string{GetParam().source} + " ! cmafpackager ! filesink location=" + file), "");
  const auto probe =
      run("ffprobe -v error -count_frames -show_entries stream=nb_read_frames -show_entries "
          "format=duration -of default=nw=1 " +
          file + " 2>&1");
  EXPECT_EQ(probe.exit_status, 0);
  EXPECT_THAT(probe.output, HasSubstr("nb_read_frames=" + std::to_string(GetParam().frames) + "\n"));
  EXPECT_THAT(probe.output, HasSubstr("duration=" + std::string{GetParam().seconds}));
  EXPECT_EQ(run("ffmpeg -v warning -i " + file + " -f null - 2>&1").output, "");
}

INSTANTIATE_TEST_SUITE_P(
    Sources, CmafFile,
    ::testing::Values(
        LaunchCase{"avc",
                   "videotestsrc num-buffers=125 ! video/x-raw,format=I420,framerate=25/1 ! x264enc "
                   "key-int-max=50 bframes=2 ! h264parse ! video/x-h264,stream-format=avc",
                   125, "5.0"},
        LaunchCase{"byte_stream",
                   "videotestsrc num-buffers=90 ! video/x-raw,format=I420,framerate=30000/1001 ! x264enc "
                   "key-int-max=30 bframes=0 ! h264parse ! video/x-h264,stream-format=byte-stream",
                   90, "3.003"},
        LaunchCase{"aac_raw",
                   "audiotestsrc num-buffers=94 samplesperbuffer=1024 ! audio/x-raw,rate=48000 ! avenc_aac ! "
                   "aacparse ! audio/mpeg,stream-format=raw",
                   95, "2.0"},
        LaunchCase{"aac_adts",
                   "audiotestsrc num-buffers=94 samplesperbuffer=1024 ! audio/x-raw,rate=44100 ! avenc_aac ! "
                   "aacparse ! audio/mpeg,stream-format=adts",
                   95, "2.2"},
        LaunchCase{
            "hevc",
            "videotestsrc num-buffers=50 ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! "
            "x265enc key-int-max=25 speed-preset=ultrafast ! h265parse ! video/x-h265,stream-format=hvc1",
            50, "2.0", "x265enc h265parse"},
        LaunchCase{
            "hevc_byte_stream",
            "videotestsrc num-buffers=50 ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! "
            "x265enc key-int-max=25 speed-preset=ultrafast ! h265parse ! "
            "video/x-h265,stream-format=byte-stream",
            50, "2.0", "x265enc h265parse"},
        LaunchCase{"ac3",
                   "audiotestsrc num-buffers=60 samplesperbuffer=1536 ! audio/x-raw,rate=48000,channels=2 ! "
                   "avenc_ac3 ! ac3parse",
                   60, "1.92", "avenc_ac3 ac3parse"},
        LaunchCase{"eac3",
                   "audiotestsrc num-buffers=60 samplesperbuffer=1536 ! audio/x-raw,rate=48000,channels=2 ! "
                   "avenc_eac3 ! ac3parse",
                   60, "1.92", "avenc_eac3 ac3parse"},
        LaunchCase{
            "mp3",
            "audiotestsrc num-buffers=50 samplesperbuffer=1152 ! audio/x-raw,rate=48000 ! lamemp3enc ! "
            "mpegaudioparse",
            51, "1.2", "lamemp3enc mpegaudioparse"},
        LaunchCase{"opus",
                   "audiotestsrc num-buffers=100 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! "
                   "opusenc ! opusparse",
                   101, "2.0", "opusenc opusparse"},
        LaunchCase{
            "av1",
            "videotestsrc num-buffers=50 ! video/x-raw,format=I420,width=160,height=90,framerate=25/1 ! "
            "av1enc cpu-used=8 keyframe-max-dist=25 ! av1parse",
            50, "2.0", "av1enc av1parse"},
        LaunchCase{
            "vp9",
            "videotestsrc num-buffers=50 ! video/x-raw,format=I420,width=160,height=90,framerate=25/1 ! "
            "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=25 ! vp9parse",
            50, "2.0", "vp9enc vp9parse"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tarn::test
