// SPDX-License-Identifier: Apache-2.0
#include "ingest/gsthlsingestsrc.h"

#include <gmock/gmock.h>
#include <gst/check/gsttestclock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gstkit/caps.h"
#include "gstkit/events.h"
#include "gstkit/map.h"
#include "gstkit/ref.h"
#include "gstkit/time.h"
#include "tests/ingest/encoder.h"
#include "tests/support/command.h"

namespace tarn::test {
namespace {

using gstkit::Ref;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What came out of one source pad, in words and in bytes. Events that Tarn's elements do not speak
// about are left out, stream-start, caps and segment are kept.
class PadRecorder {
 public:
  explicit PadRecorder(std::atomic<int>& ended) : ended_(ended) {
    pad_ = Ref<GstPad>::share(gst_pad_new("sink", GST_PAD_SINK));
    gst_pad_set_element_private(pad_.get(), this);
    gst_pad_set_event_function(pad_.get(), [](GstPad* pad, GstObject*, GstEvent* event) -> gboolean {
      self(pad).take(Ref<GstEvent>::adopt(event));
      return TRUE;
    });
    gst_pad_set_chain_list_function(pad_.get(), [](GstPad* pad, GstObject*, GstBufferList* list) {
      self(pad).take(Ref<GstBufferList>::adopt(list));
      return self(pad).flow;
    });
    gst_pad_set_chain_function(pad_.get(), [](GstPad*, GstObject*, GstBuffer* buffer) {
      const auto owned = Ref<GstBuffer>::adopt(buffer);
      ADD_FAILURE() << "a single buffer";
      return GST_FLOW_OK;
    });
    gst_pad_set_query_function(pad_.get(), [](GstPad* pad, GstObject* parent, GstQuery* query) -> gboolean {
      if (!gstkit::is_timeline_edge_query(query)) return gst_pad_query_default(pad, parent, query);
      if (!self(pad).edge) return FALSE;
      gstkit::answer_timeline_edge(query, *self(pad).edge);
      return TRUE;
    });
    gst_pad_set_active(pad_.get(), TRUE);
  }
  ~PadRecorder() { gst_pad_set_active(pad_.get(), FALSE); }
  void link(GstPad* source) { ASSERT_EQ(gst_pad_link(source, pad_.get()), GST_PAD_LINK_OK); }

  struct Buffer {
    GstClockTime dts, pts, duration;
    bool delta, discont;
    std::string bytes;
  };
  std::vector<std::string> log;
  std::vector<Buffer> buffers;
  std::vector<std::size_t> lists;
  std::string stream_id;
  codecs::StreamInfo info;
  timeline::TrackDescription track;
  GstSegment segment{};
  std::vector<gstkit::ProgramDateTime> program_times;
  GstFlowReturn flow = GST_FLOW_OK;
  std::optional<std::int64_t> edge;
  bool keeps = false;  // what comes
  std::vector<Ref<GstBufferList>> kept;

 private:
  static PadRecorder& self(GstPad* pad) {
    return *static_cast<PadRecorder*>(gst_pad_get_element_private(pad));
  }

  void take(const Ref<GstEvent>& event) {
    if (const auto announced = gstkit::parse<gstkit::TrackAnnounced>(event.get())) track = announced->track;
    if (const auto time = gstkit::parse<gstkit::ProgramDateTime>(event.get())) program_times.push_back(*time);
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_STREAM_START) {
      const gchar* id = nullptr;
      gst_event_parse_stream_start(event.get(), &id);
      stream_id = id;
    }
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_CAPS) {
      GstCaps* caps = nullptr;
      gst_event_parse_caps(event.get(), &caps);
      const auto parsed = gstkit::stream_info_of(caps);
      ASSERT_TRUE(parsed) << parsed.error().message;
      info = *parsed;
    }
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_SEGMENT) gst_event_copy_segment(event.get(), &segment);
    std::string line = GST_EVENT_TYPE_NAME(event.get());
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_CUSTOM_DOWNSTREAM ||
        GST_EVENT_TYPE(event.get()) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY) {
      line = gst_structure_get_name(gst_event_get_structure(event.get()));
    }
    if (const auto tracks = gstkit::parse<gstkit::TracksAnnounced>(event.get())) {
      for (const std::string& key : tracks->keys) line += ' ' + key;
    }
    if (const auto end = gstkit::parse<gstkit::SegmentEnd>(event.get()))
      line += ' ' + std::to_string(end->media_sequence);
    if (const auto begin = gstkit::parse<gstkit::Discontinuity>(event.get()))
      line += ' ' + std::to_string(begin->session);
    log.push_back(line);
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS) ++ended_;
  }

  void take(const Ref<GstBufferList>& list) {
    const guint count = gst_buffer_list_length(list.get());
    lists.push_back(count);
    if (keeps) kept.push_back(list);
    log.push_back("list");
    gsize expected = 0;
    for (guint i = 0; i < count; ++i) {
      GstBuffer* const buffer = gst_buffer_list_get(list.get(), i);
      ASSERT_EQ(gst_buffer_n_memory(buffer), 1U);
      gsize offset = 0;
      if (i > 0) {
        GstMemory* const before = gst_buffer_peek_memory(gst_buffer_list_get(list.get(), i - 1), 0);
        EXPECT_TRUE(gst_memory_is_span(before, gst_buffer_peek_memory(buffer, 0), &offset)) << "one range";
      }
      expected += gst_buffer_get_size(buffer);
      const gstkit::BufferMap map{buffer};
      buffers.push_back({GST_BUFFER_DTS(buffer), GST_BUFFER_PTS(buffer), GST_BUFFER_DURATION(buffer),
                         GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT) != FALSE,
                         GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) != FALSE,
                         std::string{as_text(map.bytes())}});
    }
    EXPECT_GT(expected, 0U);
  }

  std::atomic<int>& ended_;
  Ref<GstPad> pad_;
};

const EncodedStream& ladder() {
  static const EncodedStream stream = encode_ladder(4);
  return stream;
}
const EncodedStream& single() {
  static const EncodedStream stream = encode_single(6);
  return stream;
}

class HlsIngestSrc : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_command("ffmpeg")) GTEST_SKIP() << "no ffmpeg";
    ASSERT_FALSE(ladder().files.empty());
    ASSERT_FALSE(single().files.empty());
    GST_ELEMENT_REGISTER(hlsingestsrc, nullptr);
    element_ = Ref<GstElement>::adopt(gst_element_factory_make("hlsingestsrc", nullptr));
    ASSERT_TRUE(element_);
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(element_.get(), bus_.get());
    g_signal_connect(element_.get(), "pad-added", G_CALLBACK(+[](GstElement*, GstPad* pad, gpointer self) {
                       static_cast<HlsIngestSrc*>(self)->add(pad);
                     }),
                     this);
  }
  void TearDown() override {
    if (!element_) return;
    gst_element_set_state(element_.get(), GST_STATE_NULL);
    gst_element_set_bus(element_.get(), nullptr);
  }
  void add(GstPad* pad) {
    const std::string name = GST_PAD_NAME(pad);
    added_.push_back(name);
    if (links_ && !links_(name)) return;
    auto& recorder = pads_[name];
    recorder = std::make_unique<PadRecorder>(ended_);
    recorder->edge = edge_;
    recorder->flow = flow_;
    recorder->link(pad);
  }
  void play() {
    ASSERT_NE(gst_element_set_state(element_.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  }

  gstkit::StructurePtr put(const std::string& path, const std::string& content) {
    const auto bytes = Ref<GBytes>::adopt(g_bytes_new(content.data(), content.size()));
    GstStructure* answer = nullptr;
    g_signal_emit_by_name(element_.get(), "put-object", path.c_str(), bytes.get(), &answer);
    return gstkit::StructurePtr{answer};
  }
  static std::string field(const gstkit::StructurePtr& structure, const char* name) {
    const char* text = gst_structure_get_string(structure.get(), name);
    return text != nullptr ? text : "";
  }
  std::string status(const std::string& path, const std::string& content) {
    return field(put(path, content), "status");
  }
  gstkit::StructurePtr stats() {
    GstStructure* structure = nullptr;
    g_object_get(element_.get(), "stats", &structure, nullptr);
    return gstkit::StructurePtr{structure};
  }
  std::uint64_t count(const char* name) {
    std::uint64_t value = 0;
    EXPECT_TRUE(gst_structure_get_uint64(stats().get(), name, &value)) << name;
    return value;
  }
  // The text of the first error, which is awaited.
  std::string error() {
    const auto message =
        Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), 100 * GST_SECOND, GST_MESSAGE_ERROR));
    GError* raw = nullptr;
    if (message) gst_message_parse_error(message.get(), &raw, nullptr);
    const gstkit::ErrorPtr error{raw};
    return error ? error->message : "";
  }
  // Waits until the task of pull mode has ended this many pads.
  void read_to_the_end(int pads) {
    for (int i = 0; i < 3000 && ended_ < pads; ++i) {
      const auto error =
          Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), 10 * GST_MSECOND, GST_MESSAGE_ERROR));
      ASSERT_FALSE(error);
    }
    ASSERT_EQ(ended_, pads);
  }
  PadRecorder& pad(const std::string& name) { return *pads_.at(name); }

  Ref<GstElement> element_;
  Ref<GstBus> bus_;
  std::vector<std::string> added_;
  std::map<std::string, std::unique_ptr<PadRecorder>> pads_;
  std::atomic<int> ended_ = 0;
  std::optional<std::int64_t> edge_;
  GstFlowReturn flow_ = GST_FLOW_OK;
  std::function<bool(const std::string&)> links_;  // which pads; empty: all
};

// NAL units of an Annex B stream.
std::vector<std::string> nal_units(const std::string& stream) {
  static const std::string start_code{"\0\0\1", 3};
  std::vector<std::string> units;
  std::size_t at = stream.find(start_code);
  while (at != std::string::npos) {
    const std::size_t begin = at + 3;
    at = stream.find(start_code, begin);
    std::string unit = stream.substr(begin, at == std::string::npos ? at : at - begin);
    unit.erase(unit.find_last_not_of('\0') + 1);
    units.push_back(unit);
  }
  return units;
}
std::vector<std::string> length_prefixed_units(const std::vector<PadRecorder::Buffer>& buffers) {
  std::vector<std::string> units;
  for (const auto& buffer : buffers) {
    Reader reader{as_bytes(buffer.bytes)};
    while (reader.remaining() > 0) units.emplace_back(as_text(reader.take(reader.u32())));
    EXPECT_TRUE(reader.ok());
  }
  return units;
}

TEST_F(HlsIngestSrc, KnowsTheOldestObjectOfWhichSomethingIsHeld) {
  const auto pending = [this] {
    guint64 number = 0;
    g_object_get(element_.get(), "pending-object", &number, nullptr);
    return number;
  };
  EXPECT_EQ(pending(), 0U);
  play();
  EXPECT_EQ(status("unknown.txt", "text"), "refused");
  EXPECT_EQ(pending(), 1U);
  for (const char* const path : {"v0_0.ts", "v0.m3u8", "v1_0.ts", "v1.m3u8"}) {
    (void)put(path, ladder().at(path));
    EXPECT_EQ(pending(), 1U) << path << ": the first segment waits for the multivariant playlist";
  }
  (void)put("master.m3u8", ladder().at("master.m3u8"));
  EXPECT_EQ(pending(), 6U) << "downstream is done with it";
  pad("audio_0").keeps = true;
  (void)put("v0_1.ts", ladder().at("v0_1.ts"));
  (void)put("v1_1.ts", ladder().at("v1_1.ts"));
  EXPECT_EQ(pending(), 6U) << "downstream holds some of it";
  pad("audio_0").kept.clear();
  EXPECT_EQ(pending(), 8U);
}

// Semantics S21, on the element's clock: nothing but time makes it the stream.
TEST_F(HlsIngestSrc, APlaylistAloneIsTheStreamAfterAWhile) {
  const auto clock =
      Ref<GstTestClock>::adopt(GST_TEST_CLOCK(gst_test_clock_new_with_start_time(1000 * GST_SECOND)));
  gst_element_set_clock(element_.get(), GST_CLOCK(clock.get()));
  play();
  EXPECT_EQ(status("m0.ts", single().at("m0.ts")), "held");
  EXPECT_EQ(status("m.m3u8", single().at("m.m3u8")), "created");
  EXPECT_THAT(added_, IsEmpty());
  GstClockID raw = nullptr;
  gst_test_clock_wait_for_next_pending_id(clock.get(), &raw);
  const GstClockTime due = gst_clock_id_get_time(raw);
  gst_clock_id_unref(raw);
  EXPECT_EQ(due, 1003 * GST_SECOND) << "1.5 target durations of 2 s";
  gst_test_clock_set_time(clock.get(), due - 1);
  EXPECT_EQ(count("segments"), 0U);
  ASSERT_TRUE(gst_test_clock_crank(clock.get()));
  for (int i = 0; i < 1000 && count("segments") == 0; ++i) g_usleep(10'000);
  ASSERT_THAT(added_, ElementsAre("video_0", "audio_0"));
  EXPECT_FALSE(pad("video_0").buffers.empty());
}

TEST_F(HlsIngestSrc, PushesALadderTrackByTrack) {
  play();
  EXPECT_EQ(status("v0_0.ts", ladder().at("v0_0.ts")), "held");
  EXPECT_EQ(status("v0.m3u8", ladder().at("v0.m3u8")), "created");
  EXPECT_EQ(status("v1_0.ts", ladder().at("v1_0.ts")), "held");
  EXPECT_EQ(status("v1.m3u8", ladder().at("v1.m3u8")), "created");
  EXPECT_THAT(added_, IsEmpty());
  EXPECT_EQ(status("master.m3u8", ladder().at("master.m3u8")), "created");
  ASSERT_THAT(added_, ElementsAre("video_0", "video_1", "audio_0"));
  EXPECT_THAT(pad("video_0").log,
              ElementsAre("stream-start", "caps", "segment", "stream-collection", "tag", "tarn/track",
                          "tarn/tracks v0 v1 a0", "list", "list", "tarn/segment-end 0"));
  EXPECT_THAT(pad("video_1").log,
              ElementsAre("stream-start", "caps", "segment", "stream-collection", "tag", "tarn/track",
                          "tarn/tracks v0 v1 a0", "list", "list", "tarn/segment-end 0"));
  EXPECT_THAT(pad("audio_0").log,
              ElementsAre("stream-start", "caps", "segment", "stream-collection", "tag", "tarn/track",
                          "tarn/tracks v0 v1 a0", "list", "tarn/segment-end 0"));
  EXPECT_THAT(pad("video_0").lists, ElementsAre(25, 25));
  EXPECT_EQ(status("v0_1.ts", ladder().at("v0_1.ts")), "created");
  EXPECT_EQ(pad("video_0").buffers.size(), 100U) << "pushed when the emission returns";
  EXPECT_EQ(status("v1_1.ts", ladder().at("v1_1.ts")), "created");
  EXPECT_EQ(pad("video_0").log.back(), "tarn/end-of-list");
  EXPECT_EQ(count("segments"), 4U);
  EXPECT_EQ(count("held"), 0U);
  EXPECT_GT(count("bitrate"), 0U);
  const auto& playlist = ladder().at("v0.m3u8");
  EXPECT_THAT(playlist,
              HasSubstr("#EXT-X-TARGETDURATION:" + std::to_string(count("target-duration")) + "\n"));
  EXPECT_EQ(field(stats(), "last-segment"), "v1_1.ts");
}

TEST_F(HlsIngestSrc, CapsAndTrackSayWhatTheStreamIs) {
  play();
  for (const auto& [path, content] : ladder().files) put(path, content);
  EXPECT_EQ(pad("video_0").info.codec, codecs::Codec::h264);
  EXPECT_EQ(pad("video_0").info.width, 320U);
  EXPECT_EQ(pad("video_0").info.height, 180U);
  EXPECT_EQ(pad("audio_0").info.sample_rate, 48'000U);
  EXPECT_EQ(pad("video_1").track.key, "v1");
  ASSERT_EQ(pad("audio_0").track.variants.size(), 2U);
  EXPECT_GT(pad("video_0").track.variants[0].bandwidth, pad("video_1").track.variants[0].bandwidth);
}

TEST_F(HlsIngestSrc, TellsItsStreams) {
  play();
  for (const auto& [path, content] : ladder().files) put(path, content);
  const auto message =
      Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), 0, GST_MESSAGE_STREAM_COLLECTION));
  ASSERT_TRUE(message);
  GstStreamCollection* raw = nullptr;
  gst_message_parse_stream_collection(message.get(), &raw);
  const auto collection = Ref<GstStreamCollection>::adopt(raw);
  std::vector<GstStreamType> types;
  std::set<std::string> ids;
  for (guint i = 0; i < gst_stream_collection_get_size(collection.get()); ++i) {
    GstStream* const stream = gst_stream_collection_get_stream(collection.get(), i);
    types.push_back(gst_stream_get_stream_type(stream));
    ids.insert(gst_stream_get_stream_id(stream));
    const auto caps = Ref<GstCaps>::adopt(gst_stream_get_caps(stream));
    EXPECT_TRUE(caps && gst_caps_is_fixed(caps.get()));
    const auto tags = Ref<GstTagList>::adopt(gst_stream_get_tags(stream));
    EXPECT_TRUE(tags && gst_tag_list_n_tags(tags.get()) > 0);
  }
  EXPECT_THAT(types, ElementsAre(GST_STREAM_TYPE_VIDEO, GST_STREAM_TYPE_VIDEO, GST_STREAM_TYPE_AUDIO));
  EXPECT_EQ(ids.size(), 3U);
  for (const auto& [name, recorder] : pads_) EXPECT_TRUE(ids.contains(recorder->stream_id)) << name;
}

TEST_F(HlsIngestSrc, AnswersWhereItIs) {
  play();
  for (const auto& [path, content] : ladder().files) put(path, content);
  const auto source = Ref<GstPad>::adopt(gst_element_get_static_pad(element_.get(), "video_0"));
  gint64 position = 0;
  ASSERT_TRUE(gst_pad_query_position(source.get(), GST_FORMAT_TIME, &position));
  const auto& last = pad("video_0").buffers.back();
  const GstClockTime end = last.dts + last.duration - pad("video_0").segment.start;
  EXPECT_LT(end, 60 * GST_SECOND) << "from 0 on, whatever the timestamps are";
  EXPECT_GE(static_cast<GstClockTime>(position), end);
  EXPECT_LT(static_cast<GstClockTime>(position), end + GST_SECOND);
  const auto seeking = Ref<GstQuery>::adopt(gst_query_new_seeking(GST_FORMAT_TIME));
  ASSERT_TRUE(gst_pad_query(source.get(), seeking.get()));
  gboolean can_seek = TRUE;
  gst_query_parse_seeking(seeking.get(), nullptr, &can_seek, nullptr, nullptr);
  EXPECT_FALSE(can_seek);
  const auto latency = Ref<GstQuery>::adopt(gst_query_new_latency());
  ASSERT_TRUE(gst_pad_query(source.get(), latency.get()));
  gboolean is_live = TRUE;
  gst_query_parse_latency(latency.get(), &is_live, nullptr, nullptr);
  EXPECT_FALSE(is_live) << "it is in no hurry and is not paced by a clock";
}

TEST_F(HlsIngestSrc, TimesConvertBackToTicksExactly) {
  play();
  for (const auto& [path, content] : ladder().files) put(path, content);
  const GstClockTime start = std::min(pad("video_0").buffers.front().dts, pad("audio_0").buffers.front().dts);
  for (const auto& [name, pad] : pads_) {
    const std::uint32_t timescale = pad->info.timescale;
    std::int64_t expected = gstkit::to_ticks(pad->buffers.front().dts, timescale);
    for (const auto& buffer : pad->buffers) {
      ASSERT_EQ(gstkit::to_ticks(buffer.dts, timescale), expected) << name;
      ASSERT_GE(buffer.pts, buffer.dts);
      expected += gstkit::to_ticks(buffer.duration, timescale);
    }
    EXPECT_EQ(pad->segment.start, start) << "one timeline";
  }
}

TEST_F(HlsIngestSrc, OnlyTheFirstBufferOfAGopIsNoDeltaUnit) {
  play();
  for (const auto& [path, content] : ladder().files) put(path, content);
  const auto& buffers = pad("video_0").buffers;
  for (std::size_t i = 0; i < buffers.size(); ++i) EXPECT_EQ(buffers[i].delta, i % 25 != 0) << i;
  for (const auto& buffer : pad("audio_0").buffers) EXPECT_FALSE(buffer.delta);
}

TEST_F(HlsIngestSrc, BytesAreThoseOfTheElementaryStreamThatFfmpegSees) {
  TemporaryDirectory folder;
  for (const auto& [path, content] : single().files) write_file(folder.path() / path, content);
  const std::string ffmpeg = "cd " + folder.path().string() + " && ffmpeg -v error -i m.m3u8 -c copy ";
  ASSERT_EQ(run(ffmpeg + "-map 0:v -bsf:v 'filter_units=remove_types=7-9|12' -f h264 out.h264 && cd . && " +
                ffmpeg + "-map 0:a -f adts out.aac")
                .exit_status,
            0);
  play();
  put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  for (const auto& [path, content] : single().files) put(path, content);
  ASSERT_EQ(pad("video_0").buffers.size(), 150U);

  const auto ours = length_prefixed_units(pad("video_0").buffers);
  const auto theirs = nal_units(read_file(folder.path() / "out.h264"));
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i)
    ASSERT_EQ(ours[i].substr(0, theirs[i].size()), theirs[i]) << i;

  const std::string adts = read_file(folder.path() / "out.aac");
  std::size_t at = 0;
  for (const auto& buffer : pad("audio_0").buffers) {
    ASSERT_EQ(adts.substr(at + 7, buffer.bytes.size()), buffer.bytes) << at;
    at += 7 + buffer.bytes.size();
  }
  EXPECT_EQ(at, adts.size());
}

TEST_F(HlsIngestSrc, ProgramDateTimeIsThatOfTheFirstUnit) {
  play();
  put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  for (const auto& [path, content] : single().files) put(path, content);
  ASSERT_EQ(pad("video_0").program_times.size(), 3U);
  EXPECT_THAT(pad("audio_0").program_times, IsEmpty());
  EXPECT_EQ(pad("video_0").program_times[0].time,
            gstkit::to_ticks(pad("video_0").buffers.front().dts, 90'000));
  EXPECT_EQ(pad("video_0").program_times[1].time - pad("video_0").program_times[0].time, 180'000);
}

TEST_F(HlsIngestSrc, RestartOfTheEncoderIsADiscontinuityOnEveryPad) {
  play();
  put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  for (const auto& [path, content] : single().files) put(path, content);
  const EncodedStream again = encode_single(2, "-vf negate");
  put("m0.ts", again.at("m0.ts"));
  put("m.m3u8", again.at("m.m3u8"));
  for (const auto& [name, recorder] : pads_) {
    EXPECT_EQ(std::count(recorder->log.begin(), recorder->log.end(), "tarn/discontinuity 1"), 1) << name;
  }
  ASSERT_EQ(pad("video_0").buffers.size(), 200U);
  EXPECT_TRUE(pad("video_0").buffers[150].discont);
  const auto& audio = pad("audio_0").buffers;
  EXPECT_EQ(std::count_if(audio.begin(), audio.end(), [](const auto& buffer) { return buffer.discont; }), 1);
  EXPECT_LE(pad("video_0").segment.start, pad("video_0").buffers[150].dts);
  EXPECT_GT(pad("video_0").segment.start + GST_SECOND / 10, pad("video_0").buffers[150].dts);
  EXPECT_NEAR(static_cast<double>(pad("video_0").segment.base), 6e9, 1e8) << "running time goes on";
  EXPECT_EQ(pad("video_0").segment.time, pad("video_0").segment.base) << "and stream time";
}

TEST_F(HlsIngestSrc, DownstreamSaysWhereTimestampsBelong) {
  edge_ = std::int64_t{90'000} * 3600 * 24 * 30;  // a month
  play();
  for (const auto& [path, content] : ladder().files) put(path, content);
  const std::int64_t start = gstkit::to_ticks(pad("video_0").buffers.front().dts, 90'000);
  EXPECT_LT(std::abs(start - *edge_), std::int64_t{1} << 32U);
}

TEST_F(HlsIngestSrc, RefusalsSayWhyAndDisturbNothing) {
  EXPECT_EQ(field(put("m.m3u8", "#EXTM3U\n"), "code"), "conflict") << "not running";
  play();
  const auto broken = put("m.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:x,\nm0.ts\n");
  EXPECT_EQ(field(broken, "status"), "refused");
  EXPECT_EQ(field(broken, "code"), "malformed");
  EXPECT_THAT(field(broken, "message"), HasSubstr("line 3"));
  EXPECT_EQ(field(put("m.ts", "<html></html>"), "code"), "unsupported");
  EXPECT_EQ(field(put("../m.ts", "x"), "code"), "invalid");
  EXPECT_EQ(field(put("m.m3u8",
                      "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n"
                      "#EXTINF:2,\nm0.ts\n"),
                  "code"),
            "encrypted");
  EXPECT_EQ(count("refused"), 4U);
  EXPECT_THAT(field(stats(), "last-error"), HasSubstr("m.m3u8: "));
  EXPECT_FALSE(Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR)));
  GstStructure* answer = nullptr;
  g_signal_emit_by_name(element_.get(), "delete-object", "m0.ts", &answer);
  EXPECT_EQ(field(gstkit::StructurePtr{answer}, "status"), "created");
}

TEST_F(HlsIngestSrc, FailureDownstreamIsTheAnswer) {
  flow_ = GST_FLOW_ERROR;
  play();
  put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  put("m.m3u8", single().at("m.m3u8"));
  const auto answer = put("m0.ts", single().at("m0.ts"));
  EXPECT_EQ(field(answer, "status"), "refused");
  EXPECT_EQ(field(answer, "code"), "internal");
}

TEST_F(HlsIngestSrc, StartsAfreshAfterAStop) {
  for (int round = 0; round < 2; ++round) {
    added_.clear();
    play();
    for (const auto& [path, content] : ladder().files) put(path, content);
    EXPECT_THAT(added_, ElementsAre("video_0", "video_1", "audio_0"));
    EXPECT_EQ(pad("video_0").buffers.size(), 100U);
    ASSERT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
    EXPECT_EQ(element_->numsrcpads, 0);
  }
}

// What gst-launch -e sends at Ctrl-C.
TEST_F(HlsIngestSrc, AnEndThatTheApplicationSendsIsTheEndOfWhatIsPushed) {
  play();
  for (const char* const path : {"v0_0.ts", "v0.m3u8", "v1_0.ts", "v1.m3u8", "master.m3u8"}) {
    (void)put(path, ladder().at(path));
  }
  EXPECT_TRUE(gst_element_send_event(element_.get(), gst_event_new_eos()));
  EXPECT_TRUE(gst_element_send_event(element_.get(), gst_event_new_eos())) << "once is enough";
  read_to_the_end(3);
  EXPECT_EQ(status("v0_1.ts", ladder().at("v0_1.ts")), "refused");
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  play();
  EXPECT_EQ(status("v0_1.ts", ladder().at("v0_1.ts")), "held") << "it begins anew";
}

TEST_F(HlsIngestSrc, AnEndThatTheApplicationSendsEndsAFolderThatIsBeingWritten) {
  TemporaryDirectory folder;
  write_file(folder.path() / "m0.ts", single().at("m0.ts"));
  const std::string& playlist = single().at("m.m3u8");
  write_file(folder.path() / "m.m3u8", playlist.substr(0, playlist.find("m0.ts")) + "m0.ts\n");
  g_object_set(element_.get(), "location", (folder.path() / "m.m3u8").c_str(), "live", TRUE, nullptr);
  play();
  for (int i = 0; i < 1000 && count("segments") == 0; ++i) g_usleep(10'000);
  ASSERT_EQ(count("segments"), 1U);
  EXPECT_EQ(ended_, 0) << "more may come";
  EXPECT_TRUE(gst_element_send_event(element_.get(), gst_event_new_eos()));
  read_to_the_end(2);
}

TEST_F(HlsIngestSrc, AnEndBeforeAnythingCameIsAnError) {
  play();
  EXPECT_TRUE(gst_element_send_event(element_.get(), gst_event_new_eos()));
  EXPECT_THAT(error(), HasSubstr("before anything came"));
}

TEST_F(HlsIngestSrc, ThatNoPadIsLinkedIsAnErrorOfWhoReads) {
  links_ = [](const std::string&) { return false; };
  play();
  for (const auto& [path, content] : ladder().files) EXPECT_NE(status(path, content), "refused") << path;
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  TemporaryDirectory folder;
  for (const auto& [path, content] : ladder().files) write_file(folder.path() / path, content);
  g_object_set(element_.get(), "location", (folder.path() / "master.m3u8").c_str(), nullptr);
  play();
  EXPECT_THAT(error(), HasSubstr("no pad is linked"));
}

TEST_F(HlsIngestSrc, OnePadThatIsLinkedIsEnough) {
  links_ = [](const std::string& name) { return name == "audio_0"; };
  TemporaryDirectory folder;
  for (const auto& [path, content] : ladder().files) write_file(folder.path() / path, content);
  g_object_set(element_.get(), "location", (folder.path() / "master.m3u8").c_str(), nullptr);
  play();
  read_to_the_end(1);
  EXPECT_GE(pad("audio_0").buffers.size(), 180U);
}

TEST_F(HlsIngestSrc, ReadsAFolderToItsEnd) {
  TemporaryDirectory folder;
  for (const auto& [path, content] : ladder().files) write_file(folder.path() / path, content);
  const std::string path = folder.path().string();
  for (const auto& [location, tracks] :
       {std::pair{path + "/master.m3u8", 3}, {path + "/v0.m3u8", 2}, {"file://" + path + "/v0.m3u8", 2}}) {
    g_object_set(element_.get(), "location", location.c_str(), nullptr);
    play();
    read_to_the_end(tracks);
    ended_ = 0;
    EXPECT_EQ(pad("video_0").buffers.size(), 100U);
    EXPECT_GE(pad("audio_0").buffers.size(), 180U);
    gst_element_set_state(element_.get(), GST_STATE_NULL);
    pads_.clear();
  }
}

TEST_F(HlsIngestSrc, ADirectoryIsItsManifestOrItsOnlyPlaylist) {
  TemporaryDirectory folder;
  const std::string path = folder.path().string();
  g_object_set(element_.get(), "location", path.c_str(), nullptr);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_THAT(error(), HasSubstr("0 other playlists"));
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  for (const auto& [name, content] : single().files) write_file(folder.path() / name, content);
  play();
  read_to_the_end(2);
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  write_file(folder.path() / "another.m3u8", "#EXTM3U\n");
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_THAT(error(), HasSubstr("2 other playlists"));
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  std::filesystem::rename(folder.path() / "m.m3u8", folder.path() / "manifest.m3u8");
  ended_ = 0;
  pads_.clear();
  play();
  read_to_the_end(2);
}

TEST_F(HlsIngestSrc, FolderWithNothingToReadIsAnErrorThatSaysWhy) {
  TemporaryDirectory folder;
  write_file(folder.path() / "m.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nm0.ts\n");
  write_file(folder.path() / "m0.ts", "<html></html>");
  g_object_set(element_.get(), "location", (folder.path() / "m.m3u8").c_str(), nullptr);
  play();
  EXPECT_THAT(error(), HasSubstr("m0.ts: "));
}

TEST_F(HlsIngestSrc, FolderThatIsNotThereIsAnError) {
  g_object_set(element_.get(), "location", "/nowhere/m.m3u8", nullptr);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR));
  EXPECT_TRUE(message);
}

}  // namespace
}  // namespace tarn::test
