// SPDX-License-Identifier: Apache-2.0
// Streams that nobody here made, demuxed by us and by ffmpeg.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "core/mpegts/demuxer.h"
#include "tests/core/mpegts/ffmpeg_judge.h"
#include "tests/support/shared_files.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;

void expect_same(const codecs::ElementaryStream& ours, const JudgedStream& theirs) {
  SCOPED_TRACE("PID " + std::to_string(theirs.pid));
  const bool is_video = codecs::kind_of(ours.codec) == codecs::Kind::video;
  ASSERT_EQ(codecs::name_of(ours.codec), theirs.codec);
  ASSERT_EQ(ours.units.size(), theirs.packets.size());
  ASSERT_EQ(ours.configs.size(), 1U);
  if (is_video) {
    EXPECT_EQ(ours.configs[0].width, theirs.width);
    EXPECT_EQ(ours.configs[0].height, theirs.height);
  }
  if (!theirs.config_hash.empty()) {
    EXPECT_EQ(hash_of(ours.configs[0].config), theirs.config_hash);
  }
  for (std::size_t i = 0; i < ours.units.size(); ++i) {
    const codecs::AccessUnit& unit = ours.units[i];
    ASSERT_EQ(hash_of(ours.data.bytes().subspan(unit.offset, unit.size)), theirs.packets[i].hash) << i;
    // ffmpeg counts on from the first frame of a PES packet; that one has the time of the header.
    if (unit.frame_in_pes != 0) continue;
    ASSERT_EQ(unit.pts, theirs.packets[i].pts) << i;
    if (theirs.packets[i].dts) {
      ASSERT_EQ(unit.dts, theirs.packets[i].dts) << i;
    }
  }
}

void expect_same_as_ffmpeg(const std::filesystem::path& file) {
  SCOPED_TRACE(file.string());
  const std::string bytes = read_file(file);
  const Result<codecs::MediaSegment> ours = demux(as_bytes(bytes));
  ASSERT_TRUE(ours.ok()) << ours.error().message;
  EXPECT_EQ(ours->continuity_errors, 0U);
  EXPECT_EQ(ours->damaged_packets, 0U);
  EXPECT_FALSE(ours->truncated);
  const std::vector<JudgedStream> theirs = judge_transport_stream(file);
  ASSERT_EQ(ours->streams.size(), theirs.size());
  for (const JudgedStream& stream : theirs) {
    const auto same_pid = [&stream](const codecs::ElementaryStream& s) { return s.id == stream.pid; };
    const auto found = std::find_if(ours->streams.begin(), ours->streams.end(), same_pid);
    ASSERT_NE(found, ours->streams.end()) << stream.pid;
    expect_same(*found, stream);
  }
}

class Vectors : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto shared = shared_files();
    if (!shared) GTEST_SKIP() << "no shared files";
    if (!has_ffmpeg()) GTEST_SKIP() << "no ffmpeg";
    vectors_ = *shared / "vectors";
  }
  std::filesystem::path vectors_;
};

TEST_P(Vectors, AreDemuxedAsFfmpegDoes) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(vectors_ / GetParam())) {
    if (entry.path().extension() != ".ts") continue;
    ++count;
    expect_same_as_ffmpeg(entry.path());
  }
  EXPECT_GT(count, 0U);
}
INSTANTIATE_TEST_SUITE_P(Hls, Vectors,
                         testing::Values("hls-ts/aac", "hls-ts/ac3", "hls-ts/alternate-renditions",
                                         "hls-ts/b-frames", "hls-ts/ec3", "hls-ts/gap", "hls-ts/h264",
                                         "hls-ts/h265", "hls-ts/mp3", "hls-ts/muxed-aac-h264",
                                         "hls-ts/rollover", "hls-ts/text-offset"));

class OddVectors : public Vectors {};

TEST_P(OddVectors, AreDemuxedAsFfmpegDoes) { expect_same_as_ffmpeg(vectors_ / "ts-odd" / GetParam()); }
INSTANTIATE_TEST_SUITE_P(Odd, OddVectors,
                         testing::Values("bipbop0.ts", "bipbop1.ts", "id3.ts",
                                         "multi-channel-608-captions.ts", "test-middle-pat-pmt.ts",
                                         "test-no-audio-segment.ts", "videoDiffPtsDts.ts",
                                         "videoLargeOffset.ts", "videoMinOffset.ts"));

TEST(CaptionVectors, SayWhichCaptionsTheyHave) {
  const auto shared = shared_files();
  if (!shared) GTEST_SKIP() << "no shared files";
  const auto captions = [&shared](const char* name) {
    const std::string bytes = read_file(*shared / "vectors" / name);
    const Result<codecs::MediaSegment> segment = demux(as_bytes(bytes));
    EXPECT_TRUE(segment.ok());
    codecs::CaptionsFound found;
    for (const codecs::ElementaryStream& stream : segment->streams) found |= stream.captions;
    return found;
  };
  EXPECT_EQ(captions("ts-odd/multi-channel-608-captions.ts").cea608, 0b0101);
  EXPECT_EQ(captions("hls-ts/h264/fileSequence0.ts").cea608, 0b0001);
  EXPECT_FALSE(captions("hls-ts/muxed-aac-h264/n_0_0_0.ts").any());
}

struct Refusal {
  const char* file;
  ErrorCode code;
  const char* message;
};
class RefusedVectors : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedVectors, SayWhy) {
  const auto shared = shared_files();
  if (!shared) GTEST_SKIP() << "no shared files";
  const std::string bytes = read_file(*shared / "vectors" / GetParam().file);
  ASSERT_FALSE(bytes.empty());
  const Result<codecs::MediaSegment> segment = demux(as_bytes(bytes));
  ASSERT_FALSE(segment.ok());
  EXPECT_EQ(segment.error().code, GetParam().code);
  EXPECT_NE(segment.error().message.find(GetParam().message), std::string::npos) << segment.error().message;
}
INSTANTIATE_TEST_SUITE_P(Files, RefusedVectors,
                         testing::Values(Refusal{"ts-odd/encrypted.ts", ErrorCode::encrypted, "AES-128"},
                                         Refusal{"ts-odd/test-stuffed-pes.ts", ErrorCode::malformed,
                                                 "no PAT"}));

}  // namespace
}  // namespace tarn::mpegts
