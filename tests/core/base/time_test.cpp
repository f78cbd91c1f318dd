// SPDX-License-Identifier: Apache-2.0
#include "core/base/time.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(Rescale, RoundsHalfAwayFromZeroInBothDirections) {
  EXPECT_EQ(rescale(1, 90'000, 48'000), 1);
  EXPECT_EQ(rescale(3, 2, 1), 2);
  EXPECT_EQ(rescale(-3, 2, 1), -2);
  EXPECT_EQ(rescale(-3, 2, 1, Rounding::down), -2);
  EXPECT_EQ(rescale(-3, 2, 1, Rounding::up), -1);
  EXPECT_EQ(rescale(3, 2, 1, Rounding::down), 1);
}

TEST(Rescale, IsExactBeyond64BitProducts) {
  const std::int64_t century = 100LL * 365 * 86'400 * 90'000;
  EXPECT_EQ(rescale(century, 90'000, 1'000'000'000), century / 90'000 * 1'000'000'000);
}

TEST(Rescale, NanosecondsGiveEveryTickBack) {
  for (const std::uint32_t scale : {90'000U, 48'000U, 44'100U, 24'000U}) {
    for (std::int64_t tick = (1LL << 33) - 500; tick < (1LL << 33) + 500; ++tick) {
      ASSERT_EQ(rescale(rescale(tick, scale, 1'000'000'000), 1'000'000'000, scale), tick) << scale;
    }
  }
}

TEST(ParseUtc, TakesTheFormsEncodersSend) {
  const Utc expected = Utc{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}} +
                       std::chrono::hours{16} + std::chrono::minutes{32} + std::chrono::milliseconds{44'233};
  for (const auto* text : {"2026-11-22T16:32:44.233+0000", "2026-11-22T16:32:44.233Z",
                           "2026-11-22T17:32:44.233+01:00", "2026-11-22T11:32:44.233-05"}) {
    const auto parsed = parse_utc(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(*parsed, expected) << text;
  }
}

TEST(ParseUtc, RefusesWhatIsNotATimeWithOffset) {
  for (const auto* text :
       {"", "2026-11-22", "2026-11-22T16:32:44", "2026-13-22T16:32:44Z", "2026-02-30T00:00:00Z",
        "2026-11-22T24:00:00Z", "2026-11-22T16:32:44.Z", "2026-11-22T16:32:44Zx", "2026-11-22T16:32:44+1",
        "+026-11-22T16:32:44Z", "2026-11-22T16:32:44.0000000001Z"}) {
    EXPECT_FALSE(parse_utc(text).ok()) << text;
  }
}

TEST(FormatUtc, RoundTrips) {
  const auto time = parse_utc("2024-02-29T23:59:59.999Z");
  ASSERT_TRUE(time.ok());
  EXPECT_EQ(format_utc(*time), "2024-02-29T23:59:59.999Z");
  EXPECT_EQ(format_utc_seconds(*parse_utc("2024-02-29T23:59:59Z")), "2024-02-29T23:59:59Z");
}

TEST(FormatSeconds, PrintsExactDecimals) {
  EXPECT_EQ(format_seconds(180'180, 90'000, 5), "2.00200");
  EXPECT_EQ(format_seconds(96'256, 48'000, 5), "2.00533");
  EXPECT_EQ(format_seconds(-45'000, 90'000, 3), "-0.500");
  EXPECT_EQ(format_duration(Microseconds{12'500'000}), "PT12.5S");
  EXPECT_EQ(format_duration(Microseconds{2'000'000}), "PT2S");
  EXPECT_EQ(format_duration(Microseconds{0}), "PT0S");
}

}  // namespace
}  // namespace tarn
