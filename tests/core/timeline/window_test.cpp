// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/window.h"

#include <gtest/gtest.h>

#include "support/timeline_builder.h"

namespace tarn::timeline {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::TimelineBuilder;

const Utc noon = *parse_utc("2026-11-22T12:00:00Z");

std::vector<TimelineBuilder::Source> tracks() {
  return {TimelineBuilder::video({{0, 1'000'000, 0}}, 640, 360), TimelineBuilder::audio({{0, 1'000'000, 0}})};
}

// Ten cuts of 4 s from noon, and after a minute without anything ten more.
Timeline two_stretches() {
  return TimelineBuilder{}
      .stretch(noon, 0, tracks())
      .slots(20, 50)
      .generation(4, 4)
      .cuts(2)
      .stretch(noon + seconds{100}, 7'777'777, tracks())
      .slots(20, 50)
      .cuts(2)
      .build();
}

struct Asked {
  Timeline timeline = two_stretches();
  WindowLimits limits{hours{24}, hours{24}};
  Utc now = noon + seconds{142};

  Result<Window> resolve(const std::string& query) const {
    const auto parsed = parse_window_query(query);
    EXPECT_TRUE(parsed.ok()) << query;
    return resolve_window(timeline, *timeline.presentation("e"), *parsed, limits, now);
  }
  // "event 3..20 open" or the error's message.
  std::string describe(const std::string& query) const {
    const auto window = resolve(query);
    if (!window.ok()) return window.error().message;
    std::string text = window->kind == Window::Kind::live    ? "live "
                       : window->kind == Window::Kind::event ? "event "
                                                             : "vod ";
    text += window->first ? std::to_string(*window->first) : "";
    text += ".." + (window->end == Window::newest ? "" : std::to_string(window->end));
    return text + (window->complete ? " complete" : " open");
  }
  ErrorCode code(const std::string& query) const {
    const auto window = resolve(query);
    EXPECT_FALSE(window.ok()) << query << " gives " << describe(query);
    return window.ok() ? ErrorCode::internal : window.error().code;
  }
};

std::string at(int after_noon) { return std::to_string(noon.time_since_epoch() / seconds{1} + after_noon); }

TEST(Window, WithoutAQueryItIsTheLiveOne) { EXPECT_EQ(Asked{}.describe(""), "live .. open"); }

TEST(Window, ContainsEverySegmentThatOverlapsIt) {
  const Asked asked;
  EXPECT_EQ(asked.describe("start=" + at(0) + "&vodend=" + at(40)), "vod 0..10 complete");
  EXPECT_EQ(asked.describe("start=" + at(3) + "&vodend=" + at(9)), "vod 0..3 complete");
  EXPECT_EQ(asked.describe("start=" + at(4) + "&vodend=" + at(8)), "vod 1..2 complete");
  EXPECT_EQ(asked.describe("start=" + at(4) + ".000001&vodend=" + at(8) + ".000001"), "vod 1..3 complete");
}

TEST(Window, SpansAnOutage) {
  EXPECT_EQ(Asked{}.describe("start=" + at(38) + "&vodend=" + at(101)), "vod 9..11 complete");
  EXPECT_EQ(Asked{}.code("start=" + at(40) + "&vodend=" + at(100)), ErrorCode::not_found);
}

TEST(Window, IsClampedToWhatExists) {
  const Asked asked;
  EXPECT_EQ(asked.describe("start=" + at(-3000) + "&vodend=" + at(4)), "vod 0..1 complete");
  EXPECT_EQ(asked.code("start=" + at(-3000) + "&vodend=" + at(0)), ErrorCode::not_found);
}

TEST(Window, BeforeTheDaysOfTheEndpointThereIsNothing) {
  Asked asked;
  asked.limits.shift = minutes{2};
  EXPECT_EQ(asked.describe("start=" + at(22) + "&vodend=" + at(40)), "vod 5..10 complete");
  EXPECT_EQ(asked.describe("start=" + at(21) + "&vodend=" + at(40)),
            "start is before what this endpoint keeps; "
            "available: 2026-11-22T12:00:22.000Z to 2026-11-22T12:02:20.000Z");
}

TEST(Window, StartAndVodendMustNotBeAfterTheLiveEdge) {
  const Asked asked;
  EXPECT_EQ(asked.describe("start=" + at(141)),
            "start is after the live edge; "
            "available: 2026-11-22T12:00:00.000Z to 2026-11-22T12:02:20.000Z");
  EXPECT_EQ(asked.describe("start=" + at(120) + "&vodend=" + at(140)), "vod 15..20 complete");
  EXPECT_EQ(asked.code("start=" + at(120) + "&vodend=" + at(141)), ErrorCode::not_found);
  EXPECT_EQ(asked.code("start=" + at(140)), ErrorCode::not_found);
}

TEST(Window, FromAMomentOnItGrowsUntilItsEnd) {
  const Asked asked;
  EXPECT_EQ(asked.describe("start=" + at(120)), "event 15..20 open");
  EXPECT_EQ(asked.describe("start=" + at(120) + "&end=" + at(1000)), "event 15..20 open");
  EXPECT_EQ(asked.describe("start=" + at(120) + "&end=" + at(141)), "event 15..20 open");
  EXPECT_EQ(asked.describe("start=" + at(120) + "&end=" + at(140)), "event 15..20 complete");
  EXPECT_EQ(asked.describe("start=" + at(120) + "&end=" + at(129)), "event 15..18 complete");
}

TEST(Window, AnEndedChannelCompletesWhatReachesItsEnd) {
  Asked asked;
  asked.timeline.ended = noon + seconds{140};
  EXPECT_EQ(asked.describe("start=" + at(120)), "event 15..20 complete");
  EXPECT_EQ(asked.describe("offset=0"), "live ..20 complete");
  EXPECT_EQ(asked.describe("offset=8"), "live ..18 open");
}

TEST(Window, AnOffsetIsMeasuredAtTheLiveEdge) {
  const Asked asked;
  EXPECT_EQ(asked.describe("offset=0"), "live ..20 open");
  EXPECT_EQ(asked.describe("offset=3"), "live ..19 open");
  EXPECT_EQ(asked.describe("offset=4"), "live ..19 open");
  EXPECT_EQ(asked.describe("offset=5"), "live ..18 open");
  EXPECT_EQ(asked.describe("offset=70"), "live ..10 open") << "the edge was in the outage";
  EXPECT_EQ(asked.describe("offset=136"), "live ..1 open");
  EXPECT_EQ(asked.code("offset=137"), ErrorCode::not_found);
  EXPECT_EQ(asked.code("offset=90000"), ErrorCode::not_found);
  EXPECT_EQ(asked.resolve("offset=5")->behind, seconds{5});
}

TEST(Window, AnOffsetHasAnEndToo) {
  const Asked asked;
  EXPECT_EQ(asked.describe("offset=10&end=" + at(129)), "live ..17 open") << "until 132 comes what overlaps";
  EXPECT_EQ(asked.describe("offset=8&end=" + at(129)), "live ..18 complete");
  EXPECT_EQ(asked.describe("offset=12&end=" + at(128)), "live ..17 complete");
  EXPECT_EQ(asked.describe("offset=0&end=" + at(120)), "live ..15 complete") << "stays where it ended";
  EXPECT_EQ(asked.describe("offset=60&end=" + at(60)), "live ..10 complete") << "both in the outage";
  EXPECT_EQ(asked.describe("offset=0&end=" + at(150)), "live ..20 open");
  EXPECT_EQ(asked.describe("offset=10&end=" + at(131)), "live ..17 open");
  EXPECT_EQ(asked.describe("offset=20&vodend=" + at(129)), "vod 15..18 complete");
  EXPECT_EQ(asked.code("offset=10&vodend=" + at(129)), ErrorCode::invalid);
  // Every playlist of it is asked for the same window, whenever that is.
  const std::string query = asked.resolve("offset=20&vodend=" + at(129))->query;
  EXPECT_EQ(query.find("offset"), std::string::npos) << query;
  EXPECT_EQ(asked.describe(query), "vod 15..18 complete") << query;
}

TEST(Window, OneManifestHasALongest) {
  Asked asked;
  asked.limits.longest = seconds{30};
  EXPECT_EQ(asked.describe("start=" + at(0) + "&vodend=" + at(30)), "vod 0..8 complete");
  EXPECT_EQ(asked.code("start=" + at(0) + "&vodend=" + at(31)), ErrorCode::invalid);
  EXPECT_EQ(asked.code("start=" + at(0) + "&end=" + at(31)), ErrorCode::invalid);
  EXPECT_EQ(asked.code("start=" + at(0)), ErrorCode::invalid);
  EXPECT_EQ(asked.describe("start=" + at(108)), "event 12..20 open");
}

TEST(Window, WhatRetentionHasTakenIsNotThere) {
  Asked asked;
  asked.timeline.trim_before(4);  // the second cut lost its first half
  EXPECT_EQ(asked.describe("start=" + at(0) + "&vodend=" + at(40)), "vod 2..10 complete");
  EXPECT_EQ(asked.code("start=" + at(0) + "&vodend=" + at(8)), ErrorCode::not_found);
}

TEST(Window, CarriesItsQueryOn) {
  EXPECT_EQ(Asked{}.resolve("x=1&vodend=" + at(8) + "&start=" + at(0))->query,
            "start=2026-11-22T12:00:00Z&vodend=2026-11-22T12:00:08Z");
}

}  // namespace
}  // namespace tarn::timeline
