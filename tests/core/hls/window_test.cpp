// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/hls/playlist.h"
#include "core/hls/render.h"
#include "support/timeline_builder.h"

namespace tarn::hls {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::TimelineBuilder;
using timeline::Protocol;
using timeline::Timeline;

const Utc noon = *parse_utc("2026-11-22T12:00:00Z");

std::vector<TimelineBuilder::Source> tracks() {
  return {TimelineBuilder::video({{0, 1'000'000, 0}}, 640, 360),
          TimelineBuilder::audio({{0, 1'000'000, 0}}, "en")};
}

// Cuts of 4 s from noon on.
Timeline one_stretch(int cuts = 20) {
  return TimelineBuilder{}.stretch(noon, 0, tracks()).slots(2 * cuts, 50).generation(4, 4).cuts(2).build();
}
// Ten of them, a minute of nothing, ten more.
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

// Ten cuts of 4 s, the third of which came after it had been listed as a gap (semantics S4).
Timeline with_late_content() {
  auto timeline = TimelineBuilder{}
                      .stretch(noon, 0, tracks())
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

timeline::OutputSettings output(Protocol protocol = Protocol::hls_cmaf) {
  timeline::OutputSettings settings;
  settings.endpoint = "e";
  settings.protocol = protocol;
  settings.segments = 3;
  settings.segment_duration = 4;
  return settings;
}

timeline::Window window(const Timeline& timeline, const std::string& query) {
  const auto parsed = timeline::parse_window_query(query);
  EXPECT_TRUE(parsed.ok()) << query;
  const auto found = timeline::resolve_window(timeline, *timeline.presentation("e"), *parsed,
                                              {hours{24}, hours{24}}, noon + seconds{200});
  EXPECT_TRUE(found.ok()) << query << ": " << (found.ok() ? "" : found.error().message);
  return found.ok() ? *found : timeline::Window{};
}

std::string text(const Timeline& timeline, const std::string& query, const std::string& rendition = "v1") {
  const auto rendered = render_media(timeline, output(), rendition, window(timeline, query));
  return rendered.ok() ? *rendered : "error: " + rendered.error().message;
}

MediaPlaylist media(const Timeline& timeline, const std::string& query) {
  auto parsed = parse_media(text(timeline, query));
  EXPECT_TRUE(parsed.ok());
  return parsed.ok() ? std::move(parsed).value() : MediaPlaylist{};
}

TEST(HlsWindow, VodIsWholeFromTheBeginning) {
  EXPECT_EQ(text(one_stretch(), "start=2026-11-22T12:00:05Z&vodend=2026-11-22T12:00:13Z"),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:2\n"
            "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            "#EXT-X-MAP:URI=\"g1-v1-i1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:04.000Z\n"
            "#EXTINF:4.00000,\ng1-v1-2.m4s\n#EXTINF:4.00000,\ng1-v1-3.m4s\n#EXTINF:4.00000,\ng1-v1-4.m4s\n"
            "#EXT-X-ENDLIST\n");
}

TEST(HlsWindow, AnEventGrowsFromItsBeginning) {
  EXPECT_EQ(text(one_stretch(3), "start=2026-11-22T12:00:04Z"),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:2\n"
            "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            "#EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n"
            "#EXT-X-MAP:URI=\"g1-v1-i1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:04.000Z\n"
            "#EXTINF:4.00000,\ng1-v1-2.m4s\n#EXTINF:4.00000,\ng1-v1-3.m4s\n");
  const std::string before = text(one_stretch(19), "start=2026-11-22T12:00:04Z");
  const std::string after = text(one_stretch(20), "start=2026-11-22T12:00:04Z");
  EXPECT_TRUE(after.starts_with(before));
  EXPECT_EQ(after.substr(before.size()), "#EXTINF:4.00000,\ng1-v1-20.m4s\n");
}

TEST(HlsWindow, AnEventEndsWhenItsEndIsReached) {
  const std::string query = "start=2026-11-22T12:00:04Z&end=2026-11-22T12:00:16Z";
  EXPECT_FALSE(media(one_stretch(3), query).end_list);
  const auto whole = media(one_stretch(4), query);
  EXPECT_TRUE(whole.end_list);
  EXPECT_EQ(whole.playlist_type, "EVENT");
  EXPECT_EQ(whole.segments.size(), 3U);
  EXPECT_EQ(text(one_stretch(4), query), text(one_stretch(20), query)) << "and stays what it is";
}

// Timestamps of transport streams wrap after 26.5 hours; times of the timeline go on, and nobody sees where.
TEST(HlsWindow, AWrapOfTimestampsIsNoDiscontinuity) {
  constexpr std::int64_t wrap = std::int64_t{1} << 33U;
  const auto over_the_wrap = TimelineBuilder{}
                                 .stretch(noon, wrap - 10 * 90'000, tracks())
                                 .slots(40, 50)
                                 .generation(4, 4)
                                 .cuts(2)
                                 .build();
  for (const char* query :
       {"start=2026-11-22T12:00:04Z&vodend=2026-11-22T12:00:18Z", "start=2026-11-22T12:00:05Z",
        "start=2026-11-22T12:00:02Z&end=2026-11-22T12:00:30Z", "offset=60"}) {
    EXPECT_EQ(text(over_the_wrap, query), text(one_stretch(), query)) << query;
    EXPECT_EQ(text(over_the_wrap, query).find("DISCONTINUITY"), std::string::npos);
  }
}

// The live manifest of 12 s ago is the one that was rendered 12 s ago.
TEST(HlsWindow, AnOffsetIsTheLiveManifestOfThen) {
  for (const int cuts : {6, 10, 17}) {
    for (const char* rendition : {"v1", "a2"}) {
      EXPECT_EQ(text(one_stretch(cuts), "offset=12", rendition), text(one_stretch(cuts - 3), "", rendition))
          << cuts << rendition;
    }
  }
}

TEST(HlsWindow, GoesOverGapsAndDiscontinuities) {
  const auto whole = media(two_stretches(), "start=2026-11-22T12:00:30Z&vodend=2026-11-22T12:01:50Z");
  ASSERT_EQ(whole.segments.size(), 6U);
  EXPECT_EQ(whole.media_sequence, 8U);
  EXPECT_EQ(whole.discontinuity_sequence, 0U);
  for (std::size_t i = 0; i < whole.segments.size(); ++i) {
    EXPECT_EQ(whole.segments[i].discontinuity, i == 3) << i;
    EXPECT_EQ(whole.segments[i].map.has_value(), i == 0 || i == 3) << i;
  }
  const auto second = media(two_stretches(), "start=2026-11-22T12:01:00Z&vodend=2026-11-22T12:01:50Z");
  ASSERT_EQ(second.segments.size(), 3U) << "begins in the gap";
  EXPECT_EQ(second.discontinuity_sequence, 0U);
  EXPECT_TRUE(second.segments[0].discontinuity);
  EXPECT_EQ(second.segments[0].program_date_time, noon + seconds{100});
}

// Over the outage, or from a moment after the clock was set.
TEST(HlsWindow, ATimeIsTheSameHoweverItIsSpelled) {
  const auto set = TimelineBuilder{}
                       .stretch(noon, 0, tracks())
                       .slots(20, 50)
                       .set_clock(seconds{7})
                       .slots(20, 50)
                       .generation(4, 4)
                       .cuts(2)
                       .build();
  const std::pair<const char*, const char*> times[] = {
      {"2026-11-22T12:00:36.25Z", "2026-11-22T12:01:46.5Z"},
      {"2026-11-22T13:00:36.250000%2B01:00", "2026-11-22T06:31:46.500-05:30"},
      {"2026-11-22T17:45:36.25%2B0545", "2026-11-22T12:01:46.5+00:00"},
      {"1795348836.25", "1795348906.500"},
  };
  for (const Protocol protocol : {Protocol::hls, Protocol::hls_cmaf}) {
    const auto whole = [&](const Timeline& timeline, const std::string& query) {
      const std::string rendition = protocol == Protocol::hls ? "v1a2" : "v1";
      const auto main = render_multivariant(timeline, output(protocol), window(timeline, query));
      const auto media = render_media(timeline, output(protocol), rendition, window(timeline, query));
      EXPECT_TRUE(main.ok() && media.ok()) << query;
      return main.ok() && media.ok() ? *main + *media : "";
    };
    for (const auto& [start, end] : times) {
      const std::string begin = std::string{"start="} + start;
      for (const char* until : {"&vodend=", "&end=", ""}) {
        const bool has_end = *until != 0;
        const std::string query = begin + (has_end ? until + std::string{end} : "");
        const std::string usual =
            std::string{"start="} + times[0].first + (has_end ? until + std::string{times[0].second} : "");
        EXPECT_EQ(whole(two_stretches(), query), whole(two_stretches(), usual)) << query;
        if (std::string{until} == "&vodend=") continue;  // behind the live edge of the other one
        EXPECT_EQ(whole(set, query), whole(set, usual)) << query;
      }
    }
  }
  const auto over = media(two_stretches(), "start=1795348836.25&vodend=2026-11-22T07:01:46.5-05:00");
  ASSERT_EQ(over.segments.size(), 3U) << "36 to 40, 100 to 108";
  EXPECT_TRUE(over.segments[1].discontinuity);
  const auto behind = media(set, "start=2026-11-22T13:00:51.000001%2B01:00");
  ASSERT_FALSE(behind.segments.empty());
  EXPECT_EQ(behind.segments[0].program_date_time, noon + seconds{51}) << "47 is when the clock was set";
  const auto skipped = media(set, "start=2026-11-22T12:00:42.5Z&vodend=2026-11-22T12:00:47.5Z");
  ASSERT_EQ(skipped.segments.size(), 1U) << "begins in the seconds that the clock skipped";
  EXPECT_EQ(skipped.segments[0].program_date_time, noon + seconds{47});
  EXPECT_FALSE(skipped.segments[0].discontinuity);
}

TEST(HlsWindow, OnlyWhatIsCompleteHasWhatCameLate) {
  const auto is_gap = [](const std::string& query) {
    const auto playlist = media(with_late_content(), query);
    std::string gaps;
    for (const auto& segment : playlist.segments) gaps += segment.gap ? "g" : ".";
    return gaps;
  };
  EXPECT_EQ(is_gap("start=2026-11-22T12:00:04Z&vodend=2026-11-22T12:00:20Z"), "....");
  EXPECT_EQ(is_gap("start=2026-11-22T12:00:04Z&end=2026-11-22T12:00:20Z"), ".g..") << "what it grew by stays";
  EXPECT_EQ(is_gap("start=2026-11-22T12:00:04Z"), ".g.......");
  EXPECT_EQ(is_gap("offset=24"), ".g.");
}

TEST(HlsWindow, ADateStandsWhereTheClockWasSet) {
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, tracks())
                            .slots(20, 50)
                            .set_clock(seconds{7})
                            .slots(20, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .build();
  auto settings = output();
  settings.program_date_time_interval = 3600;
  const auto rendered =
      render_media(timeline, settings, "v1", window(timeline, "start=2026-11-22T12:00:20Z"));
  ASSERT_TRUE(rendered.ok());
  const auto playlist = parse_media(*rendered);
  ASSERT_EQ(playlist->segments.size(), 15U);
  for (std::size_t i = 0; i < playlist->segments.size(); ++i) {
    EXPECT_EQ(playlist->segments[i].program_date_time.has_value(), i == 0 || i == 5) << i;
    EXPECT_FALSE(playlist->segments[i].discontinuity) << i;
  }
  EXPECT_EQ(playlist->segments[5].program_date_time, noon + seconds{47});
}

TEST(HlsWindow, OfAChannelThatHasEndedOnlyWhatReachesItsEndIsComplete) {
  auto timeline = one_stretch();
  timeline.ended = noon + seconds{80};
  EXPECT_TRUE(media(timeline, "offset=0").end_list);
  EXPECT_FALSE(media(timeline, "offset=8").end_list);
  EXPECT_TRUE(media(timeline, "start=2026-11-22T12:01:00Z").end_list);
}

TEST(HlsWindow, TheMultivariantPlaylistCarriesTheQueryOn) {
  const std::string query = "vodend=2026-11-22T12:00:13.5Z&x=1&start=1795348805";
  const auto timeline = one_stretch();
  const auto rendered = render_multivariant(timeline, output(), window(timeline, query));
  ASSERT_TRUE(rendered.ok());
  const auto parsed = parse_multivariant(*rendered);
  ASSERT_TRUE(parsed.ok());
  const std::string carried = "?start=2026-11-22T12:00:05Z&vodend=2026-11-22T12:00:13.5Z";
  EXPECT_EQ(parsed->variants.at(0).uri, "manifest-v1.m3u8" + carried);
  EXPECT_EQ(parsed->media.at(0).uri, "manifest-a2.m3u8" + carried);
}

TEST(HlsWindow, BandwidthIsThatOfTheLiveManifest) {
  const auto timeline = one_stretch();
  const auto bandwidth = [&](const std::string& query) {
    const auto rendered = render_multivariant(timeline, output(), window(timeline, query));
    return parse_multivariant(*rendered)->variants.at(0).bandwidth;
  };
  EXPECT_EQ(bandwidth("start=2026-11-22T12:00:05Z&vodend=2026-11-22T12:00:13Z"), bandwidth(""));
}

}  // namespace
}  // namespace tarn::hls
