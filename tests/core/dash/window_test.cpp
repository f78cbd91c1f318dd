// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/dash/render.h"
#include "mpd_reader.h"
#include "support/timeline_builder.h"

namespace tarn::dash {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::TimelineBuilder;
using timeline::Timeline;

const Utc noon = *parse_utc("2026-11-22T12:00:00Z");
constexpr std::int64_t second = 1'000'000;

std::vector<TimelineBuilder::Source> tracks() {
  return {TimelineBuilder::video({{0, 1'000'000, 0}}, 640, 360),
          TimelineBuilder::audio({{0, 1'000'000, 0}}, "en")};
}

// Cuts of 4 s from noon on.
Timeline one_stretch(int cuts = 20) {
  return TimelineBuilder{}
      .stretch(noon, 126'000, tracks())
      .slots(2 * cuts, 50)
      .generation(4, 4)
      .cuts(2)
      .build();
}
// Ten of them, a minute of nothing, ten more.
Timeline two_stretches() {
  return TimelineBuilder{}
      .stretch(noon, 126'000, tracks())
      .slots(20, 50)
      .generation(4, 4)
      .cuts(2)
      .stretch(noon + seconds{100}, 7'777'777, tracks())
      .slots(20, 50)
      .cuts(2)
      .build();
}

// Ten cuts of 4 s, the third of which came after it had been listed as a gap (semantics S4).
Timeline with_late_content() {
  auto timeline = TimelineBuilder{}
                      .stretch(noon, 126'000, tracks())
                      .slots(4, 50)
                      .slots(2, 50, {1, 2})
                      .slots(14, 50)
                      .generation(4, 4)
                      .cuts(2)
                      .build();
  for (const std::uint64_t slot : {5U, 6U}) {
    const auto at = timeline.find(slot);
    timeline.add_late(slot, {1, true, at->start, at->end - at->start, 1000 + slot, {0, 100, 0}});
  }
  return timeline;
}

std::string text(const Timeline& timeline, const std::string& query) {
  timeline::OutputSettings settings;
  settings.endpoint = "e";
  settings.protocol = timeline::Protocol::dash;
  settings.segment_duration = 4;
  settings.min_buffer_time = 8;
  settings.min_update_period = 4;
  settings.suggested_presentation_delay = 8;
  settings.manifest_window = 20;
  const auto parsed = timeline::parse_window_query(query);
  EXPECT_TRUE(parsed.ok()) << query;
  const auto window = timeline::resolve_window(timeline, *timeline.presentation("e"), *parsed,
                                               {hours{24}, hours{24}}, noon + seconds{200});
  EXPECT_TRUE(window.ok()) << query;
  const auto rendered =
      render_mpd(timeline, settings, "http://127.0.0.1/time", window.ok() ? *window : timeline::Window{});
  EXPECT_TRUE(rendered.ok()) << query;
  if (rendered.ok()) expect_valid(*rendered);
  return rendered.ok() ? *rendered : "";
}

std::vector<std::string> urls(const Read& read, const std::string& representation) {
  std::vector<std::string> found;
  for (const auto& segment : read.of(representation)) found.push_back(segment.url);
  return found;
}

TEST(DashWindow, VodBeginsAtNoughtWithItsFirstSegment) {
  const auto vod = read(text(one_stretch(), "start=2026-11-22T12:00:05Z&vodend=2026-11-22T12:00:13Z"));
  EXPECT_EQ(vod.mpd.at("type"), "static");
  EXPECT_EQ(vod.mpd.at("mediaPresentationDuration"), "PT12S");
  EXPECT_FALSE(vod.mpd.contains("availabilityStartTime"));
  ASSERT_EQ(vod.periods.size(), 1U);
  EXPECT_EQ(vod.periods[0].second, 0);
  const auto video = vod.of("v1");
  ASSERT_EQ(video.size(), 3U);
  EXPECT_EQ(video.front().start, 0);
  EXPECT_EQ(video.back().end, 12 * second);
  EXPECT_EQ(video.front().url, "g1-v1-s1-t486000.m4s");
}

// Timestamps of transport streams wrap after 26.5 hours; times of the timeline go on, 64 bits of them.
TEST(DashWindow, AWrapOfTimestampsIsNoBreak) {
  constexpr std::int64_t wrap = std::int64_t{1} << 33U;
  const auto over_the_wrap = TimelineBuilder{}
                                 .stretch(noon, wrap - 10 * 90'000, tracks())
                                 .slots(40, 50)
                                 .generation(4, 4)
                                 .cuts(2)
                                 .build();
  const auto vod = read(text(over_the_wrap, "start=2026-11-22T12:00:05Z&vodend=2026-11-22T12:00:18Z"));
  ASSERT_EQ(vod.periods.size(), 1U);
  EXPECT_EQ(vod.mpd.at("mediaPresentationDuration"), "PT16S");
  const auto video = vod.of("v1");
  ASSERT_EQ(video.size(), 4U);
  for (std::size_t i = 0; i < video.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    EXPECT_EQ(video[i].start, 4 * at * second);
    EXPECT_EQ(video[i].end, 4 * (at + 1) * second);
    EXPECT_EQ(video[i].url, "g1-v1-s1-t" + std::to_string(wrap + (4 * (at + 1) - 10) * 90'000) + ".m4s");
  }
  EXPECT_EQ(vod.of("a2").size(), 4U);
  const auto event = read(text(over_the_wrap, "start=2026-11-22T12:00:05Z"));
  ASSERT_EQ(event.periods.size(), 1U);
  EXPECT_EQ(event.of("v1").size(), 19U);
  EXPECT_EQ(event.of("v1").front().start, 4 * second);
  EXPECT_EQ(event.of("v1").back().end, 80 * second);
}

TEST(DashWindow, VodOverAnOutageKeepsItsLength) {
  const auto vod = read(text(two_stretches(), "start=2026-11-22T12:00:32Z&vodend=2026-11-22T12:01:48Z"));
  ASSERT_EQ(vod.periods.size(), 2U);
  EXPECT_EQ(vod.periods[0].second, 0);
  EXPECT_EQ(vod.periods[1].second, 68 * second);
  const auto video = vod.of("v1");
  ASSERT_EQ(video.size(), 4U);
  EXPECT_EQ(video[2].start, 68 * second);
  EXPECT_EQ(vod.mpd.at("mediaPresentationDuration"), "PT76S");
}

TEST(DashWindow, AnEventReachesBackToItsBeginning) {
  const auto live = read(text(one_stretch(), ""));
  const auto event = read(text(one_stretch(), "start=2026-11-22T12:00:04Z"));
  EXPECT_EQ(event.mpd.at("type"), "dynamic");
  EXPECT_EQ(event.mpd.at("availabilityStartTime"), live.mpd.at("availabilityStartTime"));
  const auto video = event.of("v1");
  ASSERT_EQ(video.size(), 19U);
  EXPECT_EQ(video.front().start, 4 * second) << "where it is on the live timeline too";
  // 76 s and two segments: what is played by the delay is the first segment.
  EXPECT_EQ(event.mpd.at("timeShiftBufferDepth"), "PT84S");
  EXPECT_EQ(event.mpd.at("suggestedPresentationDelay"), "PT84S");
}

TEST(DashWindow, AnEventBecomesStaticAtItsEnd) {
  const std::string query = "start=2026-11-22T12:00:04Z&end=2026-11-22T12:00:16Z";
  EXPECT_EQ(read(text(one_stretch(3), query)).mpd.at("type"), "dynamic");
  const auto whole = read(text(one_stretch(4), query));
  EXPECT_EQ(whole.mpd.at("type"), "static");
  EXPECT_EQ(whole.mpd.at("mediaPresentationDuration"), "PT16S") << "Periods stay where they were";
  EXPECT_EQ(whole.of("v1").front().start, 4 * second);
  EXPECT_EQ(text(one_stretch(4), query), text(one_stretch(20), query));
}

TEST(DashWindow, AnEventGoesOverAnOutage) {
  const auto event = read(text(two_stretches(), "start=1795348836.25"));
  ASSERT_EQ(event.periods.size(), 2U);
  EXPECT_EQ(event.periods[0].second, 0) << "where it is on the live timeline too";
  EXPECT_EQ(event.periods[1].second, 100 * second);
  const auto video = event.of("v1");
  ASSERT_EQ(video.size(), 11U);
  EXPECT_EQ(video[0].start, 36 * second);
  EXPECT_EQ(video[1].start, 100 * second);
  EXPECT_EQ(event.mpd.at("timeShiftBufferDepth"), "PT112S") << "36 to 140, and two segments";
  const auto second_alone = read(text(two_stretches(), "start=2026-11-22T13:01:00.5%2B01:00"));
  ASSERT_EQ(second_alone.periods.size(), 1U) << "begins in the outage";
  EXPECT_EQ(second_alone.of("v1").front().start, 100 * second);
}

TEST(DashWindow, AnOffsetIntoAnOutageShowsWhatWasThereThen) {
  const auto then = read(text(two_stretches(), "offset=70"));
  ASSERT_EQ(then.periods.size(), 1U);
  EXPECT_EQ(then.of("v1").back().end, 40 * second);
  EXPECT_EQ(then.mpd.at("availabilityStartTime"), "2026-11-22T12:01:10.000Z");
  const auto across = read(text(two_stretches(), "offset=30"));
  ASSERT_EQ(across.periods.size(), 1U) << "the window of 20 s is behind the outage, as it was at 110";
  EXPECT_EQ(across.of("v1").front().start, 100 * second);
  EXPECT_EQ(across.of("v1").back().end, 108 * second);
}

TEST(DashWindow, ATimeIsTheSameHoweverItIsSpelled) {
  for (const char* until : {"&vodend=", "&end="}) {
    const std::string usual = text(
        two_stretches(), "start=2026-11-22T12:00:36.25Z" + std::string{until} + "2026-11-22T12:01:46.5Z");
    const std::pair<const char*, const char*> others[] = {
        {"2026-11-22T13:00:36.250000%2B01:00", "2026-11-22T06:31:46.500-05:30"},
        {"2026-11-22T17:45:36.25%2B0545", "2026-11-22T12:01:46.5+00:00"},
        {"1795348836.25", "1795348906.500"},
    };
    for (const auto& [start, end] : others) {
      EXPECT_EQ(text(two_stretches(), std::string{"start="} + start + until + end), usual) << start;
    }
    const auto over = read(usual);
    ASSERT_EQ(over.periods.size(), 2U);
    EXPECT_EQ(over.of("v1").size(), 3U) << "36 to 40, 100 to 108";
  }
}

// After the clock was set by 7 s: times are those of the new clock, and what it skipped has nothing.
TEST(DashWindow, GoesByTheClockThatWasSet) {
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 126'000, tracks())
                            .slots(20, 50)
                            .set_clock(seconds{7})
                            .slots(20, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .build();
  const auto over = read(text(timeline, "start=2026-11-22T12:00:37Z&vodend=2026-11-22T12:00:52.5Z"));
  ASSERT_EQ(over.periods.size(), 2U);
  const auto video = over.of("v1");
  ASSERT_EQ(video.size(), 3U);
  EXPECT_EQ(video[0].start, 0);
  EXPECT_EQ(video[1].start, 11 * second) << "36 to 40, 47 to 55";
  const auto behind = read(text(timeline, "start=1795348842.5&vodend=1795348848"));
  ASSERT_EQ(behind.periods.size(), 1U);
  EXPECT_EQ(behind.of("v1").front().start, 0);
  EXPECT_EQ(behind.of("v1").front().url, video[1].url);
  EXPECT_EQ(behind.mpd.at("mediaPresentationDuration"), "PT4S");
}

TEST(DashWindow, OnlyWhatIsCompleteHasWhatCameLate) {
  const auto count = [](const std::string& query) {
    return read(text(with_late_content(), query)).of("v1").size();
  };
  EXPECT_EQ(count("start=2026-11-22T12:00:04Z&vodend=2026-11-22T12:00:20Z"), 4U);
  EXPECT_EQ(count("start=2026-11-22T12:00:04Z&end=2026-11-22T12:00:20Z"), 3U) << "what it grew by stays";
  EXPECT_EQ(count("start=2026-11-22T12:00:04Z"), 8U);
  EXPECT_EQ(count("offset=24"), 3U);
}

TEST(DashWindow, OfAChannelThatHasEndedOnlyWhatReachesItsEndIsStatic) {
  auto timeline = one_stretch();
  timeline.ended = noon + seconds{80};
  EXPECT_EQ(read(text(timeline, "offset=0")).mpd.at("type"), "static");
  EXPECT_EQ(read(text(timeline, "offset=8")).mpd.at("type"), "dynamic");
  EXPECT_EQ(read(text(timeline, "start=2026-11-22T12:01:00Z")).mpd.at("type"), "static");
}

// It offers what the live one of then did, and its clock is that much behind.
TEST(DashWindow, AnOffsetIsTheLiveManifestOfThen) {
  const auto then = read(text(one_stretch(17), ""));
  const auto now = read(text(one_stretch(20), "offset=12"));
  EXPECT_EQ(then.mpd.at("availabilityStartTime"), "2026-11-22T12:00:00.000Z");
  EXPECT_EQ(now.mpd.at("availabilityStartTime"), "2026-11-22T12:00:12.000Z");
  for (const char* representation : {"v1", "a2"}) {
    EXPECT_EQ(urls(now, representation), urls(then, representation));
    EXPECT_EQ(now.of(representation).front().start, then.of(representation).front().start);
  }
  EXPECT_EQ(now.mpd.at("timeShiftBufferDepth"), then.mpd.at("timeShiftBufferDepth"));
}

}  // namespace
}  // namespace tarn::dash
