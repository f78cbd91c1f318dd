// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/gaps.h"

#include <gtest/gtest.h>

#include "support/timeline_builder.h"

namespace tarn::timeline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::TimelineBuilder;

const Utc noon = *parse_utc("2026-11-22T12:00:00Z");

// Video is 1, audio is 2; slots of 50 frames last 2 s.
std::vector<TimelineBuilder::Source> tracks() {
  return {TimelineBuilder::video({{0, 1'000'000, 0}}, 640, 360), TimelineBuilder::audio({{0, 1'000'000, 0}})};
}

// "8..10 [2] late", in seconds since noon.
std::string told(const std::vector<Gap>& gaps) {
  std::string text;
  for (const Gap& gap : gaps) {
    const auto at = [](Utc time) {
      return std::to_string(std::chrono::duration_cast<seconds>(time - noon).count());
    };
    text += (text.empty() ? "" : ", ") + at(gap.start) + ".." + at(gap.end) + " [";
    for (const TrackId track : gap.tracks) text += std::to_string(track);
    text += gap.recovered ? "] late" : "]";
  }
  return text;
}

TEST(Gaps, ThereAreNoneWhereEverythingCame) {
  EXPECT_EQ(told(recent_gaps(Timeline{}, 20)), "");
  EXPECT_EQ(told(recent_gaps(TimelineBuilder{}.stretch(noon, 0, tracks()).slots(5, 50).build(), 20)), "");
}

TEST(Gaps, SlotsSideBySideThatLackTheSameAreOne) {
  const Timeline timeline = TimelineBuilder{}
                                .stretch(noon, 0, tracks())
                                .slots(2, 50)
                                .slots(3, 50, {2})
                                .slots(1, 50)
                                .slots(1, 50, {2})
                                .slots(2, 50, {1, 2})
                                .slots(1, 50)
                                .build();
  EXPECT_EQ(told(recent_gaps(timeline, 20)), "4..10 [2], 12..14 [2], 14..18 [12]");
}

TEST(Gaps, AnOutageIsBetweenTwoStretches) {
  const Timeline timeline = TimelineBuilder{}
                                .stretch(noon, 0, tracks())
                                .slots(5, 50)
                                .stretch(noon + seconds{100}, 7'777'777, tracks())
                                .slots(1, 50, {1})
                                .slots(4, 50)
                                // goes on where the one before has ended, as far as arrivals can tell
                                .stretch(noon + seconds{110} + milliseconds{300}, 90'000, tracks())
                                .slots(5, 50)
                                .build();
  EXPECT_EQ(told(recent_gaps(timeline, 20)), "10..100 [], 100..102 [1]");
}

TEST(Gaps, WhatCameLateIsSaidToBeThere) {
  Timeline timeline =
      TimelineBuilder{}.stretch(noon, 0, tracks()).slots(1, 50).slots(2, 50, {1, 2}).slots(1, 50).build();
  timeline.add_late(2, Chunk{1, true, 180'000, 180'000, 90, {}});
  EXPECT_EQ(told(recent_gaps(timeline, 20)), "2..6 [12]") << "its audio is still missing";
  timeline.add_late(2, Chunk{2, true, 96'000, 96'000, 91, {}});
  EXPECT_EQ(told(recent_gaps(timeline, 20)), "2..4 [12] late, 4..6 [12]");
}

TEST(Gaps, OfManyTheNewestAreTold) {
  TimelineBuilder builder;
  for (int i = 0; i < 30; ++i) {
    builder.stretch(noon + seconds{100 * i}, 0, tracks()).slots(1, 50).slots(1, 50, {2}).slots(1, 50);
  }
  const auto gaps = recent_gaps(builder.build(), 3);
  EXPECT_EQ(told(gaps), "2802..2804 [2], 2806..2900 [], 2902..2904 [2]");
}

TEST(Gaps, WhatIsTrimmedIsNoGap) {
  Timeline timeline = TimelineBuilder{}
                          .stretch(noon, 0, tracks())
                          .slots(5, 50)
                          .stretch(noon + seconds{100}, 0, tracks())
                          .slots(5, 50)
                          .build();
  timeline.trim_before(6);
  EXPECT_EQ(told(recent_gaps(timeline, 20)), "");
}

TEST(Gaps, SubtitlesThatSayNothingAreNone) {
  auto with_text = tracks();
  TimelineBuilder::Source text;
  text.description.key = "t0";
  text.description.info.codec = codecs::Codec::webvtt;
  text.description.info.timescale = 1000;
  with_text.push_back(text);
  const Timeline timeline = TimelineBuilder{}.stretch(noon, 0, with_text).slots(3, 50, {3}).build();
  EXPECT_EQ(told(recent_gaps(timeline, 20)), "");
}

}  // namespace
}  // namespace tarn::timeline
