// SPDX-License-Identifier: Apache-2.0
// Segments of an encoder, demuxed and written again, judged by ffmpeg and by GStreamer's tsdemux.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "core/base/time.h"
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
  const char* x264;
  std::size_t minimum_open;  // sync samples that are not IDRs
};
void PrintTo(const Encoding& encoding, std::ostream* out) { *out << encoding.name; }

class Encoded : public testing::TestWithParam<Encoding> {
 protected:
  void SetUp() override {
    if (!has_ffmpeg()) GTEST_SKIP() << "no ffmpeg";
    const auto made =
        run("ffmpeg -y -v error -f lavfi -i testsrc2=size=320x180:rate=" + std::string{GetParam().rate} +
            " -f lavfi -i sine=frequency=440:sample_rate=44100 -c:v libx264 -preset veryfast"
            " -pix_fmt yuv420p -x264-params '" +
            GetParam().x264 + "' -c:a aac -b:a 96k -ac 2 -metadata:s:a:0 language=swe -t 4 '" +
            input().string() + "' 2>&1");
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
      const bool is_audio = out.info.codec == codecs::Codec::aac;
      const std::int64_t in_pes =
          is_audio ? rescale(std::int64_t{unit.frame_in_pes} * 1024, out.info.sample_rate, 90'000) : 0;
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
  const auto is_open = [](const codecs::AccessUnit& unit) { return unit.leading_open; };
  const auto& pictures = segment->streams[0].units;
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
      } else {  // 1024 samples at 44.1 kHz are no whole ticks
        ASSERT_NEAR(static_cast<double>(*after[s].packets[i].pts),
                    static_cast<double>(*before[s].packets[i].pts), 1)
            << i;
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
  const std::string video = "video/x-h264 ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
  EXPECT_EQ(count(output(), video), streams[0].samples.size());
  // aacparse swallows the first frame of any file, so the encoder's is the measure.
  const std::string audio = "audio/mpeg ! aacparse ! audio/mpeg,stream-format=raw";
  EXPECT_EQ(count(output(), audio), count(input(), audio));
  EXPECT_GE(count(output(), audio), streams[1].samples.size() - 1);
}

INSTANTIATE_TEST_SUITE_P(
    X264, Encoded,
    testing::Values(
        Encoding{"ClosedGop", "25", "keyint=50:min-keyint=50:scenecut=0:bframes=3:open-gop=0", 0},
        Encoding{"OpenGop", "30000/1001", "keyint=30:min-keyint=30:scenecut=0:bframes=3:open-gop=1", 3},
        Encoding{
            "FilmRateSlices", "24000/1001",
            "keyint=48:scenecut=0:bframes=2:slices=4:nal-hrd=cbr:bitrate=400:vbv-maxrate=400:vbv-bufsize=400",
            0},
        Encoding{"Interlaced", "25", "keyint=50:scenecut=0:interlaced=1:bframes=2", 0}),
    [](const auto& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace tarn::mpegts
