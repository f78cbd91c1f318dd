// SPDX-License-Identifier: Apache-2.0
#include "ingest/segment_timing.h"

#include <gtest/gtest.h>

namespace tarn::ingest {
namespace {

constexpr std::int64_t period = std::int64_t{1} << 33U;
constexpr std::int64_t wrapped(std::int64_t time) { return time & (period - 1); }

// Video from `start`, 25/s; the presentation time is two frames later.
codecs::ElementaryStream video(std::int64_t start, std::size_t frames, std::int64_t frame = 3600) {
  codecs::ElementaryStream stream;
  for (std::size_t i = 0; i < frames; ++i) {
    const std::int64_t dts = start + static_cast<std::int64_t>(i) * frame;
    stream.units.push_back(
        {.pts = wrapped(dts + 2 * frame), .dts = wrapped(dts), .size = 10, .sync = i == 0});
  }
  return stream;
}

codecs::StreamInfo aac(std::uint32_t rate) {
  codecs::StreamInfo info;
  info.codec = codecs::Codec::aac;
  info.timescale = info.sample_rate = rate;
  info.samples_per_frame = 1024;
  return info;
}

// Frames of 1024 samples, `per_pes` of them in a PES packet whose PTS is cut to 90 kHz.
codecs::ElementaryStream audio(std::int64_t first_frame, std::size_t frames, std::uint32_t rate,
                               std::uint32_t per_pes, std::int64_t offset = 0) {
  codecs::ElementaryStream stream;
  stream.codec = codecs::Codec::aac;
  for (std::size_t i = 0; i < frames; ++i) {
    const auto in_pes = static_cast<std::uint32_t>(i % per_pes);
    const std::int64_t sample = (first_frame + static_cast<std::int64_t>(i - in_pes)) * 1024;
    const std::int64_t pts = rescale(sample, rate, 90'000, Rounding::down) + offset;
    stream.units.push_back({.pts = wrapped(pts), .dts = wrapped(pts), .size = 10, .frame_in_pes = in_pes});
  }
  return stream;
}

TEST(Unwrap, GivesTheNearestTime) {
  EXPECT_EQ(unwrap(5, 0), 5);
  EXPECT_EQ(unwrap(wrapped(-5), 0), -5);
  EXPECT_EQ(unwrap(5, period - 10), period + 5);
  EXPECT_EQ(unwrap(wrapped(-5), period + 10), period - 5);
  EXPECT_EQ(unwrap(7, 100 * period), 100 * period + 7);
  EXPECT_EQ(unwrap(wrapped(period / 2 - 1), 0), period / 2 - 1);
}

TEST(Unwrap, WithoutAnEdgeNoTimeIsNegative) {
  for (const std::int64_t time : {std::int64_t{0}, std::int64_t{126'000}, period / 2, period - 1}) {
    const std::int64_t unwrapped = unwrap(wrapped(time), default_timeline_edge);
    EXPECT_GE(unwrapped, period / 2);
    EXPECT_EQ(wrapped(unwrapped), time);
  }
}

TEST(VideoTiming, DurationIsTheDistanceAndTheLastOneIsTakenOver) {
  StreamClock clock;
  auto stream = video(126'000, 4);
  stream.units[2].dts += 100;
  const auto units = clock.time(stream, {}, 0);
  ASSERT_EQ(units.size(), 4U);
  EXPECT_EQ(units[0].start, 126'000);
  EXPECT_EQ(units[0].pts, 133'200);
  EXPECT_EQ(units[0].duration, 3600U);
  EXPECT_EQ(units[1].duration, 3700U);
  EXPECT_EQ(units[2].duration, 3500U);
  EXPECT_EQ(units[3].duration, 3500U);
  EXPECT_EQ(clock.edge_90k(), 126'000 + 3 * 3600 + 3500);
}

TEST(VideoTiming, LoneFrameHasTheDurationOfTheOneBefore) {
  StreamClock clock;
  (void)clock.time(video(0, 5, 3003), {}, 0);
  EXPECT_EQ(clock.time(video(5 * 3003, 1), {}, 0).front().duration, 3003U);
}

TEST(VideoTiming, GoesOnOverTheWrap) {
  StreamClock clock;
  std::int64_t expected = 2 * period - 5 * 3600;
  for (int segment = 0; segment < 3; ++segment) {
    for (const TimedUnit& unit : clock.time(video(expected, 4), {}, 2 * period)) {
      EXPECT_EQ(unit.start, expected);
      EXPECT_EQ(unit.pts, expected + 7200);
      expected += 3600;
    }
  }
  EXPECT_GT(expected, 2 * period);
}

TEST(VideoTiming, TimesNeverStandStillOrGoBack) {
  StreamClock clock;
  auto stream = video(90'000, 4);
  stream.units[2].dts = stream.units[1].dts;
  stream.units[3].dts = stream.units[1].dts - 10;
  const auto units = clock.time(stream, {}, 0);
  for (std::size_t i = 1; i < units.size(); ++i) {
    EXPECT_EQ(units[i].start, units[i - 1].start + units[i - 1].duration);
    EXPECT_GT(units[i].duration, 0U);
  }
}

TEST(VideoTiming, UnitsAfterAJumpInsideASegmentAreLeftOut) {
  StreamClock clock;
  auto stream = video(90'000, 6);
  for (std::size_t i = 4; i < 6; ++i) stream.units[i].dts += 20 * 90'000;
  EXPECT_EQ(clock.time(stream, {}, 0).size(), 4U);
}

TEST(AudioTiming, PositionsAreSamplesWithoutDrift) {
  for (const std::uint32_t rate : {44'100U, 48'000U, 32'000U, 96'000U}) {
    for (const std::uint32_t per_pes : {1U, 3U, 16U}) {
      StreamClock clock;
      std::int64_t frame = 1'000'000;
      for (int segment = 0; segment < 50; ++segment) {
        const auto units =
            clock.time(audio(frame, 47, rate, per_pes), aac(rate), rescale(frame * 1024, rate, 90'000));
        for (const TimedUnit& unit : units) {
          ASSERT_LE(std::abs(unit.start - frame * 1024), 2) << rate << ' ' << per_pes;
          ASSERT_EQ(unit.duration, 1024U);
          ++frame;
        }
        for (std::size_t i = 1; i < units.size(); ++i) ASSERT_EQ(units[i].start, units[i - 1].start + 1024);
      }
    }
  }
}

TEST(AudioTiming, IsTheSameForWhoeverBeginsLater) {
  // 48 kHz: a frame is 1920 ticks exactly, so that nothing is rounded.
  StreamClock early;
  (void)early.time(audio(100, 47, 48'000, 4), aac(48'000), 0);
  const auto expected = early.time(audio(147, 47, 48'000, 4), aac(48'000), 0);
  StreamClock late;
  const auto units = late.time(audio(147, 47, 48'000, 4), aac(48'000), 0);
  ASSERT_EQ(units.size(), expected.size());
  for (std::size_t i = 0; i < units.size(); ++i) EXPECT_EQ(units[i].start, expected[i].start);
}

TEST(AudioTiming, AHoleIsKeptAndOneTickIsNot) {
  StreamClock clock;
  (void)clock.time(audio(100, 10, 48'000, 1), aac(48'000), 0);
  EXPECT_EQ(clock.time(audio(110, 10, 48'000, 1, 1), aac(48'000), 0).front().start, 110 * 1024);
  EXPECT_EQ(clock.time(audio(120, 10, 48'000, 1, 90), aac(48'000), 0).front().start, 120 * 1024 + 48);
}

TEST(AudioTiming, GoesOnOverTheWrap) {
  StreamClock clock;
  const std::int64_t first = (2 * period) / 1920 - 3;
  std::int64_t frame = first;
  for (int segment = 0; segment < 2; ++segment) {
    for (const TimedUnit& unit : clock.time(audio(frame, 5, 48'000, 2), aac(48'000), 2 * period)) {
      EXPECT_EQ(unit.start, frame * 1024);
      ++frame;
    }
  }
}

TEST(Jump, IsMoreThanTenSecondsAheadOrOneSecondBack) {
  StreamClock clock;
  EXPECT_FALSE(clock.is_jump(video(500, 2), {})) << "nothing to jump from";
  (void)clock.time(video(period - 10 * 3600, 10), {}, period);  // ends at the wrap
  EXPECT_FALSE(clock.is_jump(video(0, 2), {}));
  EXPECT_FALSE(clock.is_jump(video(-90'000, 2), {}));
  EXPECT_TRUE(clock.is_jump(video(-90'001, 2), {}));
  EXPECT_FALSE(clock.is_jump(video(900'000, 2), {}));
  EXPECT_TRUE(clock.is_jump(video(900'001, 2), {}));
  EXPECT_FALSE(clock.is_jump(video(1'800'000, 2), Microseconds{12'000'000})) << "two segments never came";
  EXPECT_TRUE(clock.is_jump(video(std::int64_t{3600} * 90'000, 2), Microseconds{12'000'000}));
  clock.reset();
  EXPECT_FALSE(clock.is_jump(video(500, 2), {}));
}

TEST(FrameRate, IsMeasuredWhenItIsConstant) {
  EXPECT_EQ(measure_frame_rate(video(period - 3600, 10, 3600)).numerator, 25U);
  const FrameRate ntsc = measure_frame_rate(video(0, 10, 3003));
  EXPECT_EQ(ntsc.numerator, 30'000U);
  EXPECT_EQ(ntsc.denominator, 1001U);
  auto uneven = video(0, 10);
  uneven.units[5].dts += 10;
  EXPECT_EQ(measure_frame_rate(uneven).numerator, 0U);
  EXPECT_EQ(measure_frame_rate(video(0, 2)).numerator, 0U);
}

}  // namespace
}  // namespace tarn::ingest
