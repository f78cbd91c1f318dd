// SPDX-License-Identifier: Apache-2.0
// What others make of our files, and we of theirs: ffmpeg, ffprobe and GStreamer's qtdemux.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "core/isobmff/box_reader.h"
#include "core/isobmff/cmaf.h"
#include "support/command.h"
#include "support/shared_files.h"

namespace tarn::isobmff {
namespace {

namespace fs = std::filesystem;
using test::run;

// pts, dts, duration, size, flags and hash of every packet, one a line.
std::string packets(const fs::path& file) {
  return run("ffprobe -v error -show_data_hash md5 -show_entries "
             "packet=pts,dts,duration,size,flags,data_hash "
             "-of csv=p=0 " +
             file.string())
      .output;
}
std::ptrdiff_t line_count(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

// Where the first chunk begins: after moov.
std::size_t header_end(Bytes file) {
  ReadContext context;
  std::size_t at = 0;
  while (const auto box = read_box_header(file, at, ErrorCode::truncated, context)) {
    at = box->end();
    if (box->type == fourcc("moov")) return at;
  }
  return 0;
}

// Another packager's fragmented file, written again by us, one chunk per sync sample.
Result<ByteVector> rewrite(Bytes file) {
  const std::size_t split = header_end(file);
  const ParsedInit init = TRY(parse_init(file.first(split)));
  const Bytes media = file.subspan(split);
  const ParsedChunks chunks = TRY(parse_chunks(media));
  ByteVector out = TRY(write_init(init.info, init.language));
  out.insert(out.end(), segment_type().begin(), segment_type().end());
  ChunkHeader header;
  ByteVector payload;
  const auto flush = [&] {
    if (header.samples.empty()) return;
    const ByteVector bytes = write_chunk_header(header);
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.insert(out.end(), payload.begin(), payload.end());
    header = {.sequence_number = header.sequence_number + 1, .samples = {}};
    payload.clear();
  };
  for (const ParsedSample& sample : chunks.samples) {
    if (header.samples.size() >= 40 || (sample.sync && init.info.codec == codecs::Codec::h264)) flush();
    if (header.samples.empty()) header.base_media_decode_time = sample.dts;
    header.samples.push_back(
        {sample.size, sample.duration, static_cast<std::int32_t>(sample.pts - sample.dts), sample.sync});
    const Bytes data = media.subspan(sample.offset, sample.size);
    payload.insert(payload.end(), data.begin(), data.end());
  }
  flush();
  return out;
}

struct Encode {
  const char* name;
  const char* options;
};

class RewrittenFile : public testing::TestWithParam<Encode> {
 protected:
  void SetUp() override {
    if (!test::has_command("ffmpeg") || !test::has_command("ffprobe")) GTEST_SKIP() << "no ffmpeg";
    source_ = directory_.path() / "source.mp4";
    ours_ = directory_.path() / "ours.mp4";
    ASSERT_EQ(run("ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i "
                  "sine=440:sample_rate=48000 "
                  "-t 8 " +
                  std::string{GetParam().options} + " -movflags +cmaf+empty_moov+default_base_moof " +
                  source_.string())
                  .exit_status,
              0);
    const std::string content = test::read_file(source_);
    const auto bytes = rewrite(as_bytes(content));
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    test::write_file(ours_, as_text(*bytes));
  }

  test::TemporaryDirectory directory_;
  fs::path source_;
  fs::path ours_;
};

TEST_P(RewrittenFile, HasThePacketsThatFfprobeSeesInTheSource) {
  const std::string expected = packets(source_);
  EXPECT_GT(line_count(expected), 199);
  EXPECT_EQ(packets(ours_), expected);
}

TEST_P(RewrittenFile, DecodesWithoutAnError) {
  const auto decode = run("ffmpeg -v warning -xerror -i " + ours_.string() + " -f null - 2>&1");
  EXPECT_EQ(decode.exit_status, 0);
  EXPECT_EQ(decode.output, "");
}

TEST_P(RewrittenFile, ComesOutOfQtdemuxSampleForSample) {
  if (!test::has_command("gst-launch-1.0")) GTEST_SKIP() << "no gst-launch-1.0";
  const auto launch = run(
      "gst-launch-1.0 -v filesrc location=" + ours_.string() +
      " ! qtdemux ! identity name=seen silent=false ! fakesink 2>&1 | grep -c 'seen: last-message = chain'");
  EXPECT_EQ(launch.output, std::to_string(line_count(packets(source_))) + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Streams, RewrittenFile,
    testing::Values(Encode{"video_with_b_frames",
                           "-map 0:v -c:v libx264 -preset veryfast -g 50 -bf 2 -flags +cgop"},
                    Encode{"video_with_odd_rate",
                           "-map 0:v -r 30000/1001 -c:v libx264 -preset veryfast -g 45 -bf 0 "
                           "-vf setsar=4/3"},
                    Encode{"audio", "-map 1:a -c:a aac -b:a 64k -metadata:s:a:0 language=deu"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(SharedVectors, HaveTheSampleCountsThatFfprobeFinds) {
  const auto shared = test::shared_files();
  if (!shared || !test::has_command("ffprobe")) GTEST_SKIP() << "no shared vectors or no ffprobe";
  test::TemporaryDirectory directory;
  std::size_t segments = 0;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator{*shared / "vectors" / "hls-cmaf"}) {
    const std::string stem = entry.path().stem().string();
    if (stem != "init" || entry.path().parent_path().filename() == "muxed-aac-h264") continue;
    const std::string init = test::read_file(entry.path());
    for (const fs::directory_entry& sibling : fs::directory_iterator{entry.path().parent_path()}) {
      const std::string extension = sibling.path().extension().string();
      const bool is_segment = extension == ".m4s" || extension.rfind(".cmf", 0) == 0;
      if (!is_segment || sibling.path().stem() == "init") continue;
      const std::string media = test::read_file(sibling.path());
      const auto chunks = parse_chunks(as_bytes(media));
      if (extension == ".cmfm") continue;  // event messages: no samples of a known kind
      ASSERT_TRUE(chunks.ok()) << sibling.path() << ": " << chunks.error().message;
      const fs::path whole = directory.path() / "whole.mp4";
      test::write_file(whole, init + media);
      EXPECT_EQ(static_cast<std::ptrdiff_t>(chunks->samples.size()), line_count(packets(whole)))
          << sibling.path();
      ++segments;
    }
  }
  EXPECT_GE(segments, 25U);
}

TEST(SharedVectors, ForeignHeadersAreReadOrRefusedByName) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no shared vectors";
  const fs::path vectors = *shared / "vectors";
  const auto init = [&](const char* name) { return parse_init(as_bytes(test::read_file(vectors / name))); };
  const auto video = init("hls-cmaf/medialive-scte35/video/init.cmfv");
  ASSERT_TRUE(video.ok()) << video.error().message;
  EXPECT_EQ(video->info.codec, codecs::Codec::h264);
  EXPECT_GT(video->info.width, 0U);
  const auto audio = init("hls-cmaf/wave-av/av/aac/init.mp4");
  ASSERT_TRUE(audio.ok()) << audio.error().message;
  EXPECT_EQ(audio->info.codec, codecs::Codec::aac);
  EXPECT_EQ(audio->info.sample_rate, 48'000U);
  const auto av1 = init("cmaf-parts/av1_init.mp4");
  ASSERT_TRUE(av1.ok()) << av1.error().message;
  EXPECT_EQ(av1->info.codec_string, "av01.0.00M.08");
  EXPECT_EQ(av1->info.width, 352U);
  const auto hevc = init("cmaf-parts/hvc1_init.mp4");
  ASSERT_TRUE(hevc.ok()) << hevc.error().message;
  EXPECT_EQ(hevc->info.codec_string, "hvc1.1.6.L63.90");
  EXPECT_EQ(hevc->info.width, 640U);
  EXPECT_EQ(hevc->info.height, 360U);
  const auto opus = init("cmaf-parts/opus.mp4");
  ASSERT_TRUE(opus.ok()) << opus.error().message;
  EXPECT_EQ(opus->info.channels, 2U);
  const auto text = init("text/vtt-init.mp4");
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(text->info.codec, codecs::Codec::webvtt);
  EXPECT_EQ(init("hls-cmaf/muxed-aac-h264/init.mp4").error().message, "CMAF header: 2 tracks, not one");
}

TEST(SharedVectors, FragmentsOfOtherPackagersParse) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no shared vectors";
  const fs::path vectors = *shared / "vectors";
  const auto chunks = [&](const char* name) {
    return parse_chunks(as_bytes(test::read_file(vectors / name)));
  };
  const auto hevc = chunks("cmaf-parts/hvc1_seg_1.m4s");
  ASSERT_TRUE(hevc.ok()) << hevc.error().message;
  EXPECT_GT(hevc->samples.size(), 1U);
  const auto av1 = chunks("cmaf-parts/av1_multitile_seg.m4s");
  ASSERT_TRUE(av1.ok()) << av1.error().message;
  EXPECT_EQ(chunks("hls-cmaf/muxed-aac-h264/hls11.m4s").error().message, "moof: 2 tracks, not one");
}

}  // namespace
}  // namespace tarn::isobmff
