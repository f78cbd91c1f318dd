// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/packed_audio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/core/codecs/audio_builder.h"
#include "tests/core/mpegts/demuxed_units.h"
#include "tests/core/mpegts/ffmpeg_judge.h"
#include "tests/core/mpegts/id3_builder.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::HasSubstr;

constexpr std::int64_t time = 0x1'2345'6789;

codecs::ElementaryStream packed(const ByteVector& bytes) {
  const Result<codecs::MediaSegment> segment = demux_packed_audio(bytes);
  EXPECT_TRUE(segment.ok()) << (segment.ok() ? "" : segment.error().message);
  return segment.ok() ? segment->streams.at(0) : codecs::ElementaryStream{};
}

TEST(PackedAudio, OfEachCodecHasTheTimeOfItsTag) {
  const ByteVector raw(200, 3);
  const struct {
    codecs::Codec codec;
    ByteVector frame, sample;
  } cases[]{{codecs::Codec::aac, adts_frame(raw), raw},
            {codecs::Codec::ac3, ac3_frame(), ac3_frame()},
            {codecs::Codec::eac3, eac3_frame(), eac3_frame()},
            {codecs::Codec::mp3, mp3_frame(), mp3_frame()}};
  for (const auto& c : cases) {
    SCOPED_TRACE(codecs::name_of(c.codec));
    const ByteVector file = joined({timestamp_tag(time), c.frame, c.frame, c.frame});
    EXPECT_TRUE(is_packed_audio(file));
    const codecs::ElementaryStream stream = packed(file);
    EXPECT_EQ(stream.codec, c.codec);
    EXPECT_NE(stream.id, 0U);
    ASSERT_EQ(stream.units.size(), 3U);
    for (std::uint32_t i = 0; i < 3; ++i) {
      EXPECT_EQ(stream.units[i].pts, time);
      EXPECT_EQ(stream.units[i].frame_in_pes, i);
      EXPECT_EQ(unit_bytes(stream, i), c.sample);
    }
  }
}

TEST(PackedAudio, OtherTagsAndFramesAreReadOver) {
  const ByteVector file =
      joined({id3_tag(joined({id3_frame("TXXX", ByteVector(200, 'x')), id3_priv("other", {1}),
                              id3_priv(timestamp_owner, timestamp_data(7)), ByteVector(20, 0)})),
              id3_tag(id3_frame("TIT2", ByteVector(10, 'y'))), ac3_frame()});
  EXPECT_EQ(packed(file).units.at(0).pts, 7);
  const ByteVector old = joined({id3_tag(id3_priv(timestamp_owner, timestamp_data(8)), 3), ac3_frame()});
  EXPECT_EQ(packed(old).units.at(0).pts, 8);
}

TEST(PackedAudio, CutInAFrameIsTruncatedAndKeepsTheOthers) {
  ByteVector file = joined({timestamp_tag(time), ac3_frame(), ac3_frame()});
  file.resize(file.size() - 1);
  const Result<codecs::MediaSegment> segment = demux_packed_audio(file);
  ASSERT_TRUE(segment.ok());
  EXPECT_TRUE(segment->truncated);
  EXPECT_EQ(segment->streams.at(0).units.size(), 1U);
}

TEST(PackedAudio, SaysWhyItIsRefused) {
  const auto refusal = [](const ByteVector& bytes) {
    const Result<codecs::MediaSegment> segment = demux_packed_audio(bytes);
    EXPECT_FALSE(segment.ok());
    return segment.ok() ? Error{} : segment.error();
  };
  EXPECT_EQ(refusal(ac3_frame()).code, ErrorCode::malformed);
  EXPECT_THAT(refusal(ac3_frame()).message, HasSubstr("transportStreamTimestamp"));
  EXPECT_EQ(refusal(timestamp_tag(1)).code, ErrorCode::unsupported);
  const ByteVector tag = joined({id3_priv("com.apple.streaming.audioDescription", {1, 2, 3}),
                                 id3_priv(timestamp_owner, timestamp_data(1))});
  EXPECT_EQ(refusal(joined({id3_tag(tag), adts_frame(ByteVector(100, 1))})).code, ErrorCode::encrypted);
  ByteVector cut = joined({timestamp_tag(time), mp3_frame()});
  cut.resize(cut.size() - 1);
  EXPECT_EQ(refusal(cut).code, ErrorCode::malformed);
}

TEST(PackedAudio, EveryTruncationOfATagIsAnError) {
  const ByteVector file = timestamp_tag(time);
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(demux_packed_audio(Bytes{file}.first(size)).ok()) << size;
  }
}

// As shaka-packager wrote it: the beginning of a segment of E-AC-3.
TEST(PackedAudio, ReadsTheTagOfAPackager) {
  const ByteVector beginning = *parse_hex(
      "494433040000000000"
      "3f505249560000003500"
      "00636f6d2e6170706c652e73747265616d696e672e7472616e73706f7274"
      "53747265616d54696d657374616d7000000000000000"
      "2148");
  EXPECT_EQ(packed(joined({beginning, eac3_frame()})).units.at(0).pts, 0x2148);
}

TEST(PackedAudioJudged, GivesTheFramesThatFfmpegSeesAtTheTimesItSees) {
  if (!has_ffmpeg()) GTEST_SKIP() << "no ffmpeg";
  const TemporaryDirectory directory;
  for (const std::string kind : {"aac:adts:aac", "ac3:ac3:ac3", "eac3:eac3:eac3", "libmp3lame:mp3:mp3"}) {
    SCOPED_TRACE(kind);
    const auto parts = split(kind, ':');
    const std::string name = (directory.path() / ("audio." + std::string{parts[2]})).string();
    const auto made =
        run("ffmpeg -y -v error -f lavfi -i sine=sample_rate=48000 -t 10 -c:a " + std::string{parts[0]} +
            " -write_xing 0 -id3v2_version 0 -f " + std::string{parts[1]} + " '" + name + "' 2>&1");
    const std::string frames = read_file(name);
    ASSERT_FALSE(frames.empty()) << made.output;
    write_file(name, as_text(joined({timestamp_tag(900'000), {frames.begin(), frames.end()}})));
    const std::filesystem::path playlist = directory.path() / "list.m3u8";
    write_file(playlist, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\naudio." +
                             std::string{parts[2]} + "\n#EXT-X-ENDLIST\n");
    const codecs::ElementaryStream ours =
        packed(joined({timestamp_tag(900'000), {frames.begin(), frames.end()}}));
    std::vector<ProbedLine> theirs =
        probe("-show_data_hash CRC32 -show_entries packet=pts_time,data_hash", playlist);
    ASSERT_EQ(ours.units.size(), theirs.size());
    EXPECT_EQ(theirs[0]["pts_time"], "10.000000");
    // ffmpeg leaves the ADTS header on.
    if (ours.codec == codecs::Codec::aac) continue;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      ASSERT_EQ(hash_of(unit_bytes(ours, i)), theirs[i]["data_hash"]) << i;
    }
  }
}

}  // namespace
}  // namespace tarn::mpegts
