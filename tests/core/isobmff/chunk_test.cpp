// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/isobmff/box_writer.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/moof.h"

namespace tarn::isobmff {
namespace {

using testing::HasSubstr;

ByteVector with_payload(ByteVector header, const std::vector<Sample>& samples) {
  std::size_t size = 0;
  for (const Sample& sample : samples) size += sample.size;
  header.resize(header.size() + size, 0xAA);
  return header;
}

ByteVector chunk(const ChunkHeader& header) {
  return with_payload(write_chunk_header(header), header.samples);
}

ChunkHeader group_of_pictures() {
  ChunkHeader header{.sequence_number = 7, .base_media_decode_time = 9'000'000'000, .samples = {}};
  for (std::uint32_t i = 0; i < 5; ++i) {
    header.samples.push_back(
        {.size = 100 + i, .duration = 3600, .composition_offset = i % 2 == 0 ? 7200 : -3600, .sync = i == 0});
  }
  return header;
}

// clang-format off
TEST(ChunkHeader, HasTheBytesOfTheStandard) {
  const ByteVector bytes = write_chunk_header(group_of_pictures());
  EXPECT_EQ(hex(bytes),
            "0000008c" "6d6f6f66"
              "00000010" "6d666864" "00000000" "00000007"
              "00000074" "74726166"
                "00000018" "74666864" "00020028" "00000001" "00000e10" "01010000"
                "00000014" "74666474" "01000000" "0000000218711a00"
                "00000040" "7472756e" "01000a05" "00000005" "00000094" "02000000"
                  "00000064" "00001c20"
                  "00000065" "fffff1f0"
                  "00000066" "00001c20"
                  "00000067" "fffff1f0"
                  "00000068" "00001c20"
            "00000206" "6d646174");
}
// clang-format on

TEST(ChunkHeader, RoundTripsThroughTheParser) {
  const ChunkHeader header = group_of_pictures();
  const ByteVector bytes = chunk(header);
  const auto parsed = parse_chunks(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->track_id, 1U);
  ASSERT_EQ(parsed->samples.size(), header.samples.size());
  std::int64_t time = header.base_media_decode_time;
  std::size_t offset = bytes.size() - (100 + 101 + 102 + 103 + 104);
  for (std::size_t i = 0; i < header.samples.size(); ++i) {
    const ParsedSample& sample = parsed->samples[i];
    EXPECT_EQ(sample.dts, time);
    EXPECT_EQ(sample.pts, time + header.samples[i].composition_offset);
    EXPECT_EQ(sample.duration, 3600U);
    EXPECT_EQ(sample.offset, offset);
    EXPECT_EQ(sample.size, header.samples[i].size);
    EXPECT_EQ(sample.sync, i == 0);
    time += 3600;
    offset += sample.size;
  }
}

TEST(ChunkHeader, EqualSamplesNeedNoTable) {
  ChunkHeader header;
  header.samples.assign(47, {.size = 300, .duration = 1024, .sync = true});
  // moof, mfhd, traf, tfhd with three defaults, tfdt, trun without entries, mdat
  EXPECT_EQ(write_chunk_header(header).size(), 8U + 16 + 8 + 28 + 20 + 20 + 8);
  const auto parsed = parse_chunks(chunk(header));
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->samples.size(), 47U);
  EXPECT_EQ(parsed->samples.back().dts, 46 * 1024);
  EXPECT_TRUE(parsed->samples.back().sync);
}

TEST(ChunkHeader, SeveralSyncSamplesHaveTheirOwnFlags) {
  ChunkHeader header;
  for (int i = 0; i < 6; ++i) {
    header.samples.push_back(
        {.size = 10, .duration = static_cast<std::uint32_t>(100 + i), .sync = i % 3 == 0});
  }
  const auto parsed = parse_chunks(chunk(header));
  ASSERT_TRUE(parsed.ok());
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(parsed->samples[i].sync, i % 3 == 0) << i;
    EXPECT_EQ(parsed->samples[i].duration, 100U + i);
  }
}

TEST(ChunkHeader, LargePayloadHasSixtyFourBitSize) {
  ChunkHeader header;
  header.samples.assign(5, {.size = 0x40000000, .duration = 1, .sync = true});
  const ByteVector bytes = write_chunk_header(header);
  EXPECT_EQ(hex(Bytes{bytes}.last(16)),
            "00000001"
            "6d646174"
            "0000000140000010");
}

TEST(SegmentType, IsConstant) {
  EXPECT_EQ(hex(segment_type()),
            "00000020"
            "73747970"
            "6d736468"
            "00000000"
            "6d736468"
            "636d6673"
            "636d6666"
            "636d666c");
}

TEST(ProducerReferenceTime, SaysTheDateOfATimeOfTheTrack) {
  EXPECT_EQ(hex(producer_reference_time(*parse_utc("2026-01-01T00:00:00.5Z"), 0x123456789)),
            "00000020"
            "70726674"
            "01000008"
            "00000001"
            "ed00378080000000"
            "0000000123456789");
  // NTP's seconds begin anew
  EXPECT_EQ(hex(producer_reference_time(*parse_utc("2036-02-07T06:28:17Z"), 0)).substr(32, 16),
            "0000000100000000");
}

TEST(ParseChunks, SeveralChunksBackToBack) {
  ByteVector bytes{segment_type().begin(), segment_type().end()};
  ChunkHeader header = group_of_pictures();
  for (int i = 0; i < 3; ++i) {
    const ByteVector one = chunk(header);
    bytes.insert(bytes.end(), one.begin(), one.end());
    header.base_media_decode_time += 18000;
  }
  const auto parsed = parse_chunks(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  ASSERT_EQ(parsed->samples.size(), 15U);
  EXPECT_EQ(parsed->samples[14].dts, 9'000'000'000 + 36000 + 4 * 3600);
  EXPECT_EQ(parsed->samples[14].offset + parsed->samples[14].size, bytes.size());
}

TEST(ParseChunks, EveryTruncationIsAnError) {
  const ByteVector bytes = chunk(group_of_pictures());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto parsed = parse_chunks(Bytes{bytes}.first(size));
    ASSERT_FALSE(parsed.ok()) << size;
    EXPECT_EQ(parsed.error().code, ErrorCode::truncated) << size << ": " << parsed.error().message;
  }
}

// A moof of one traf with these truns, and an mdat with `payload` bytes.
ByteVector fragment(const Tfhd& tfhd, const std::vector<Trun>& truns, std::size_t payload) {
  Moof moof;
  moof.trafs.push_back(
      {.tfhd = tfhd, .tfdt = {.version = 0, .base_media_decode_time = 1000}, .truns = truns});
  ByteVector out;
  append_box(out, moof);
  Writer writer{out};
  writer.u32(payload + 8);
  writer.text("mdat");
  writer.zeros(payload);
  return out;
}

TEST(ParseChunks, LaterRunsFollowTheFirst) {
  Tfhd tfhd;
  tfhd.flags |= Tfhd::default_duration_present | Tfhd::default_size_present;
  tfhd.default_sample_duration = 10;
  tfhd.default_sample_size = 4;
  Trun first{.version = 0, .sample_count = 2, .data_offset = 0};
  Trun second{.flags = 0, .sample_count = 3};
  std::vector<Trun> truns{first, second};
  const std::size_t header = fragment(tfhd, truns, 0).size();
  truns[0].data_offset = static_cast<std::int32_t>(header);
  const auto parsed = parse_chunks(fragment(tfhd, truns, 20));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  ASSERT_EQ(parsed->samples.size(), 5U);
  EXPECT_EQ(parsed->samples[4].dts, 1040);
  EXPECT_EQ(parsed->samples[4].offset, header + 16);
}

TEST(ParseChunks, MissingSizesAreMalformed) {
  const auto parsed = parse_chunks(fragment({}, {Trun{.sample_count = 1}}, 10));
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().message, "moof/traf/trun: no sample sizes");
}

TEST(ParseChunks, SampleInTheMoofOrBeforeTheBytesIsRefused) {
  Tfhd tfhd;
  tfhd.flags |= Tfhd::default_size_present;
  tfhd.default_sample_size = 4;
  for (const std::int32_t offset : {-100, 0, 20}) {
    const auto parsed = parse_chunks(fragment(tfhd, {Trun{.sample_count = 1, .data_offset = offset}}, 10));
    ASSERT_FALSE(parsed.ok()) << offset;
    EXPECT_EQ(parsed.error().code, ErrorCode::malformed);
    EXPECT_THAT(parsed.error().message, HasSubstr("outside"));
  }
}

TEST(ParseChunks, TooManySamplesAreRefused) {
  Tfhd tfhd;
  tfhd.flags |= Tfhd::default_size_present;
  const Trun run{.sample_count = 60'000, .data_offset = 0};
  const auto parsed = parse_chunks(fragment(tfhd, {run, run}, 10));
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, ErrorCode::limit);
}

TEST(ParseChunks, SeveralTracksAreUnsupported) {
  Moof moof;
  moof.trafs.resize(2);
  ByteVector bytes;
  append_box(bytes, moof);
  const auto parsed = parse_chunks(bytes);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace tarn::isobmff
