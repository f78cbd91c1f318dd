// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/window_query.h"

#include <gtest/gtest.h>

namespace tarn::timeline {
namespace {

std::string canonical(std::string_view query) {
  const auto parsed = parse_window_query(query);
  return parsed.ok() ? format_window_query(*parsed) : "error: " + parsed.error().message;
}

ErrorCode code(std::string_view query) {
  const auto parsed = parse_window_query(query);
  EXPECT_FALSE(parsed.ok()) << query;
  return parsed.ok() ? ErrorCode::internal : parsed.error().code;
}

TEST(WindowQuery, HasOneSpelling) {
  constexpr char noon[] = "start=2026-01-31T12:00:00Z";
  EXPECT_EQ(canonical("start=2026-01-31T12:00:00Z"), noon);
  EXPECT_EQ(canonical("start=2026-01-31T13:00:00%2B01:00"), noon);
  EXPECT_EQ(canonical("start=2026-01-31T13:00:00+0100"), noon);
  EXPECT_EQ(canonical("st%61rt=2026-01-31T12%3A00%3a00.000Z"), noon);
  EXPECT_EQ(canonical("start=1769860800"), noon);
  EXPECT_EQ(canonical("start=1769860800.000"), noon);
  EXPECT_EQ(canonical("start=1769860800.5"), "start=2026-01-31T12:00:00.5Z");
  EXPECT_EQ(canonical("vodend=2026-01-31T12:10:00Z&x=y&start=2026-01-31T12:00:00Z&&_=1"),
            "start=2026-01-31T12:00:00Z&vodend=2026-01-31T12:10:00Z");
  EXPECT_EQ(canonical("offset=0030"), "offset=30");
  EXPECT_EQ(canonical("end=2026-01-31T12:10:00Z&offset=5"), "end=2026-01-31T12:10:00Z&offset=5");
}

TEST(WindowQuery, WhatIsNoneOfOursIsPassedOver) {
  for (const char* query : {"", "&", "CMCD=br%3d3000", "starts=1", "Start=x", "offset2=1", "%zz=1", "a%"}) {
    const auto parsed = parse_window_query(query);
    ASSERT_TRUE(parsed.ok()) << query;
    EXPECT_TRUE(parsed->empty()) << query;
    EXPECT_EQ(format_window_query(*parsed), "");
  }
}

TEST(WindowQuery, VodendWinsOverEnd) {
  EXPECT_EQ(canonical("start=100&end=200&vodend=300"),
            "start=1970-01-01T00:01:40Z&vodend=1970-01-01T00:05:00Z");
}

TEST(WindowQuery, CombinationsThatMeanNothingAreInvalid) {
  for (const char* query :
       {"start=100&offset=10", "end=100", "vodend=100", "end=1&vodend=2", "start=100&end=100",
        "start=100&vodend=99", "start=100&start=100", "offset=1&offset=1", "start=1&end=2&end=2",
        "start=1&vodend=2&vodend=3", "start=1&st%61rt=1"}) {
    EXPECT_EQ(code(query), ErrorCode::invalid) << query;
  }
}

TEST(WindowQuery, WhatIsNoTimeIsMalformed) {
  for (const char* query : {"start=",
                            "start",
                            "start=NaN",
                            "start=-5",
                            "start=1e3",
                            "start=999999999999",
                            "start=2026-01-31",
                            "start=2026-01-31T12:00:00",
                            "start=2026-02-30T12:00:00Z",
                            "start=1.1234567",
                            "start=1.",
                            "start=.5",
                            "start=1960-01-01T00:00:00Z",
                            "offset=-1",
                            "offset=1.5",
                            "offset=NaN",
                            "offset=1000000000000000000",
                            "offset=",
                            "offset=%31%",
                            "start=%zz",
                            "start=2026-01-31T12:00:00Z%00"}) {
    EXPECT_EQ(code(query), ErrorCode::malformed) << query;
  }
}

TEST(WindowQuery, RefusalsQuoteLittleAndNoControlCharacters) {
  const auto parsed = parse_window_query("start=%0d%0aSet-Cookie:x" + std::string(300, 'a'));
  ASSERT_FALSE(parsed.ok());
  EXPECT_LT(parsed.error().message.size(), 160U);
  EXPECT_EQ(parsed.error().message.find_first_of("\r\n"), std::string::npos);
  EXPECT_EQ(code(std::string(5000, '&')), ErrorCode::limit);
}

}  // namespace
}  // namespace tarn::timeline
