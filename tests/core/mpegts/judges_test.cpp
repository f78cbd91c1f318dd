// SPDX-License-Identifier: Apache-2.0
// Segments of an encoder, demuxed and written again, judged by ffmpeg and by GStreamer's tsdemux.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ostream>

#include "core/base/time.h"
#include "core/codecs/open_gop.h"
#include "core/mpegts/demuxer.h"
#include "core/mpegts/segment_writer.h"
#include "tests/core/mpegts/ffmpeg_judge.h"
#include "tests/core/mpegts/transport_rules.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;

struct Encoding {
  const char* name;
  const char* rate;
  const char* video;
  std::size_t minimum_open;  // sync samples that are not IDRs
  const char* audio = "-c:a aac -b:a 96k -ac 2";
};
void PrintTo(const Encoding& encoding, std::ostream* out) { *out << encoding.name; }

class Encoded : public testing::TestWithParam<Encoding> {
 protected:
  void SetUp() override {
    if (!has_ffmpeg()) GTEST_SKIP() << "no ffmpeg";
    const auto made =
        run("ffmpeg -y -v error -f lavfi -i testsrc2=size=320x180:rate=" + std::string{GetParam().rate} +
            " -f lavfi -i sine=frequency=440:sample_rate=44100 -pix_fmt yuv420p " + GetParam().video + " " +
            GetParam().audio + " -metadata:s:a:0 language=swe -t 4 '" + input().string() + "' 2>&1");
    ASSERT_EQ(made.exit_status, 0) << made.output;
  }
  [[nodiscard]] std::filesystem::path input() const { return directory_.path() / "in.ts"; }
  [[nodiscard]] std::filesystem::path output() const { return directory_.path() / "out.ts"; }

 private:
  TemporaryDirectory directory_;
};

std::vector<Stream> as_streams(const codecs::MediaSegment& segment) {
  std::vector<Stream> streams;
  for (const codecs::ElementaryStream& in : segment.streams) {
    Stream& out = streams.emplace_back();
    out.info = in.configs.at(0);
    out.language = in.language;
    for (const codecs::AccessUnit& unit : in.units) {
      Sample sample;
      sample.data = in.data.bytes().subspan(unit.offset, unit.size);
      sample.sync = unit.sync;
      const bool is_audio = codecs::kind_of(out.info.codec) == codecs::Kind::audio;
      const std::int64_t samples = std::int64_t{unit.frame_in_pes} * out.info.samples_per_frame;
      const std::int64_t in_pes = is_audio ? rescale(samples, out.info.sample_rate, 90'000) : 0;
      sample.pts = static_cast<std::int64_t>(unit.pts) + in_pes;
      sample.dts = static_cast<std::int64_t>(unit.dts) + in_pes;
      out.samples.push_back(sample);
    }
  }
  return streams;
}

TEST_P(Encoded, SurvivesDemuxingAndWritingInTheEyesOfOthers) {
  const std::string bytes = read_file(input());
  const Result<codecs::MediaSegment> segment = demux(as_bytes(bytes));
  ASSERT_TRUE(segment.ok()) << segment.error().message;
  ASSERT_EQ(segment->streams.size(), 2U);
  EXPECT_EQ(segment->streams[1].language, "swe");
  const codecs::ElementaryStream& video = segment->streams[0];
  const auto is_open = [&](const codecs::AccessUnit& unit) {
    const Bytes bytes = video.data.bytes().subspan(unit.offset, unit.size);
    return unit.sync && codecs::has_open_leading(video.configs.at(unit.config), bytes);
  };
  const auto& pictures = video.units;
  EXPECT_GE(static_cast<std::size_t>(std::count_if(pictures.begin(), pictures.end(), is_open)),
            GetParam().minimum_open);

  const std::vector<Stream> streams = as_streams(*segment);
  const Result<ByteVector> written = write_segment(streams);
  ASSERT_TRUE(written.ok()) << written.error().message;
  write_file(output(), as_text(*written));
  check_transport_stream(*written);

  const auto decoded = run("ffmpeg -v error -xerror -i '" + output().string() + "' -f null - 2>&1");
  EXPECT_EQ(decoded.exit_status, 0);
  EXPECT_EQ(decoded.output, "");

  const std::vector<JudgedStream> before = judge_transport_stream(input());
  const std::vector<JudgedStream> after = judge_transport_stream(output());
  ASSERT_EQ(before.size(), 2U);
  ASSERT_EQ(after.size(), 2U);
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_EQ(after[s].config_hash, before[s].config_hash);
    ASSERT_EQ(after[s].packets.size(), before[s].packets.size());
    ASSERT_EQ(after[s].packets.size(), streams[s].samples.size());
    for (std::size_t i = 0; i < before[s].packets.size(); ++i) {
      ASSERT_EQ(after[s].packets[i].hash, before[s].packets[i].hash) << i;
      ASSERT_EQ(hash_of(streams[s].samples[i].data), before[s].packets[i].hash) << i;
      if (s == 0) {
        ASSERT_EQ(after[s].packets[i].pts, before[s].packets[i].pts) << i;
        ASSERT_EQ(after[s].packets[i].dts, before[s].packets[i].dts) << i;
      } else {
        // Frames at 44.1 kHz are no whole ticks, and ffmpeg counts on in a PES packet with rounded ones.
        constexpr std::int64_t tolerance = 8;
        ASSERT_LE(std::abs(*after[s].packets[i].pts - *before[s].packets[i].pts), tolerance) << i;
      }
    }
  }
}

TEST_P(Encoded, GivesTsdemuxEveryUnit) {
  if (!has_command("gst-launch-1.0")) GTEST_SKIP() << "no gst-launch-1.0";
  const std::string bytes = read_file(input());
  const Result<codecs::MediaSegment> segment = demux(as_bytes(bytes));
  ASSERT_TRUE(segment.ok());
  const std::vector<Stream> streams = as_streams(*segment);
  const Result<ByteVector> written = write_segment(streams);
  ASSERT_TRUE(written.ok());
  write_file(output(), as_text(*written));
  const auto count = [](const std::filesystem::path& file, const std::string& chain) {
    const auto result =
        run("gst-launch-1.0 -v filesrc location='" + file.string() + "' ! tsdemux ! " + chain +
            " ! fakesink silent=false sync=false 2>&1 | grep -c 'last-message = chain'");
    return std::stoul("0" + result.output);
  };
  const std::string video = streams[0].info.codec == codecs::Codec::hevc
                                ? "video/x-h265 ! h265parse ! video/x-h265,stream-format=hvc1,alignment=au"
                                : "video/x-h264 ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
  EXPECT_EQ(count(output(), video), streams[0].samples.size());
  // aacparse swallows the first frame of any file, so the encoder's is the measure.
  const codecs::Codec codec = streams[1].info.codec;
  const std::string audio = codec == codecs::Codec::aac
                                ? "audio/mpeg ! aacparse ! audio/mpeg,stream-format=raw"
                            : codec == codecs::Codec::mp3 ? "audio/mpeg ! mpegaudioparse"
                                                          : "ac3parse";
  EXPECT_EQ(count(output(), audio), count(input(), audio));
  EXPECT_GE(count(output(), audio), streams[1].samples.size() - 1);
}

#define X264 "-c:v libx264 -preset veryfast -x264-params "
#define X265 "-c:v libx265 -preset ultrafast -x265-params log-level=error:"
INSTANTIATE_TEST_SUITE_P(
    Encoders, Encoded,
    testing::Values(
        Encoding{"ClosedGop", "25", X264 "keyint=50:min-keyint=50:scenecut=0:bframes=3:open-gop=0", 0},
        Encoding{"OpenGop", "30000/1001", X264 "keyint=30:min-keyint=30:scenecut=0:bframes=3:open-gop=1", 3},
        Encoding{"FilmRateSlices", "24000/1001",
                 X264 "keyint=48:scenecut=0:bframes=2:slices=4:nal-hrd=cbr:bitrate=400:vbv-maxrate=400:"
                      "vbv-bufsize=400",
                 0},
        Encoding{"Interlaced", "25", X264 "keyint=50:scenecut=0:interlaced=1:bframes=2", 0},
        Encoding{"HevcClosedGopAc3", "25", X265 "keyint=50:min-keyint=50:scenecut=0:bframes=3:open-gop=0", 0,
                 "-c:a ac3 -b:a 192k -ac 2"},
        Encoding{"HevcOpenGopEac3", "30000/1001",
                 X265 "keyint=30:min-keyint=30:scenecut=0:bframes=3:open-gop=1:slices=3", 3,
                 "-c:a eac3 -b:a 192k -ac 6 -ar 48000"},
        Encoding{"HevcTemporalLayersMp3", "50", X265 "keyint=50:bframes=4:temporal-layers=1:aud=1:hrd=0", 0,
                 "-c:a libmp3lame -b:a 128k"},
        Encoding{"LowRateMp3", "25", X264 "keyint=50", 0, "-c:a libmp3lame -q:a 4 -ar 22050"},
        Encoding{"Eac3OfFramesThatDiffer", "25", X264 "keyint=50", 0, "-c:a eac3 -b:a 128k -ar 44100"}),
    [](const auto& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace tarn::mpegts
