// SPDX-License-Identifier: Apache-2.0
#include "manifest/ts_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/codecs/aac.h"
#include "core/mpegts/segment_writer.h"

namespace tarn::manifest {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t period = std::int64_t{1} << 33U;
const ByteVector frame{0x21, 0x10, 0x04, 0x60};

codecs::StreamInfo aac(std::uint8_t second_byte = 0x90) {
  return *codecs::aac::stream_info_from_config(ByteVector{0x11, second_byte});  // 48 kHz
}

// AAC from `start`, 90 kHz.
ByteVector segment(std::int64_t start, int frames, const codecs::StreamInfo& info = aac()) {
  mpegts::Stream stream{info, "deu", {}};
  for (int i = 0; i < frames; ++i)
    stream.samples.push_back({start + i * 1920, start + i * 1920, frame, true});
  auto bytes = mpegts::write_segment({stream});
  EXPECT_TRUE(bytes) << bytes.error().message;
  return *bytes;
}

TEST(TsReader, FindsTheTracksAndTheirShares) {
  TsReader reader;
  const auto read = reader.read(segment(900'000, 94), {});
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(reader.tracks().size(), 1U);
  EXPECT_EQ(reader.tracks()[0].language, "deu");
  EXPECT_EQ(reader.tracks()[0].info.codec_string, "mp4a.40.2");
  ASSERT_EQ(read->shares.size(), 1U);
  EXPECT_EQ(read->shares[0].start, 480'000);
  EXPECT_EQ(read->shares[0].duration, 94 * 1024);
  EXPECT_EQ(read->shares[0].size, 94 * frame.size());
  EXPECT_TRUE(read->independent);
}

TEST(TsReader, AKnownDurationGoesBeforeTheFrames) {
  TsReader reader;
  const auto read = reader.read(segment(900'000, 94), 180'000);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->shares[0].duration, 96'000);
}

TEST(TsReader, TimesGoOnWhereThirtyThreeBitsEnd) {
  TsReader reader;
  const std::int64_t start = period - 90 * 1920;  // of 94 frames, 4 are behind the end
  const auto before = reader.read(segment(start, 94), {});
  const auto after = reader.read(segment(start + std::int64_t{94} * 1920, 94), {});
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->shares[0].duration, 94 * 1024);
  EXPECT_EQ(after->shares[0].start, before->shares[0].start + 94 * 1024);
}

TEST(TsReader, NothingIsBeforeZero) {
  TsReader reader;
  ASSERT_TRUE(reader.read(segment(900'000, 10), {}));
  const auto back = reader.read(segment(period - 90'000, 10), {});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->shares[0].start, (period - 90'000) * 48 / 90);
}

TEST(TsReader, OtherParametersAreSaid) {
  TsReader reader;
  const auto first = reader.read(segment(0, 10), {});
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->has_changed);
  const auto changed = reader.read(segment(19'200, 10, aac(0x88)), {});
  ASSERT_TRUE(changed);
  EXPECT_TRUE(changed->has_changed);
  EXPECT_EQ(reader.tracks()[0].info.channels, 1U);
  EXPECT_FALSE(reader.read(segment(38'400, 10, aac(0x88)), {})->has_changed);
}

// The PMT names what a segment has nothing of yet.
TEST(TsReader, ATrackThatIsAnnouncedIsWaitedForUntilItIsSettled) {
  mpegts::Stream first{aac(), "deu", {}};
  mpegts::Stream second{aac(), "fra", {}};
  for (int i = 0; i < 10; ++i) first.samples.push_back({i * 1920, i * 1920, frame, true});
  const auto without = *mpegts::write_segment({first, second});
  second.samples = first.samples;
  const auto with = *mpegts::write_segment({first, second});
  TsReader reader;
  EXPECT_FALSE(reader.is_complete());
  ASSERT_TRUE(reader.read(without, {}));
  EXPECT_EQ(reader.tracks().size(), 1U);
  EXPECT_FALSE(reader.is_complete());
  ASSERT_TRUE(reader.read(with, {}));
  EXPECT_TRUE(reader.is_complete());
  reader.settle();
  const auto again = reader.read(without, {});
  ASSERT_TRUE(again);
  ASSERT_EQ(again->shares.size(), 2U);
  EXPECT_EQ(again->shares[1].size, 0U);

  TsReader hasty;
  ASSERT_TRUE(hasty.read(without, {}));
  hasty.settle();
  const auto later = hasty.read(with, {});
  ASSERT_TRUE(later);
  EXPECT_EQ(later->shares.size(), 1U);
  EXPECT_TRUE(hasty.take_left_out());
  ASSERT_TRUE(hasty.read(with, {}));
  EXPECT_FALSE(hasty.take_left_out()) << "said once";
  first.samples.clear();
  const auto others_only = hasty.read(*mpegts::write_segment({first, second}), {});
  ASSERT_TRUE(others_only) << "the tracks that are known may be away";
  EXPECT_TRUE(others_only->shares.empty());
}

TEST(TsReader, WhatIsNoTransportStreamIsAnError) {
  TsReader reader;
  EXPECT_FALSE(reader.read(ByteVector(1000, 0x11), {}));
  EXPECT_FALSE(reader.read({}, {}));
}

}  // namespace
}  // namespace tarn::manifest
