// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/output.h"

#include <gtest/gtest.h>

#include "core/timeline/output_bitrate.h"
#include "core/timeline/output_span.h"
#include "core/timeline/output_variants.h"
#include "support/timeline_builder.h"

namespace tarn::timeline {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using test::TimelineBuilder;

const Utc noon = *parse_utc("2026-11-22T12:00:00Z");

TimelineBuilder ladder() {
  TimelineBuilder builder;
  builder
      .stretch(noon, 126'000,
               {TimelineBuilder::video({{0, 3'000'000, 2'500'000}}, 1280, 720),
                TimelineBuilder::video({{1, 900'000, 0}}, 640, 360),
                TimelineBuilder::audio({{0, 3'000'000, 2'500'000}, {1, 900'000, 0}}, "en")})
      .slots(6, 50)
      .generation(4, 4)
      .cuts(2);
  return builder;
}

TEST(OutputNames, PrintAndParseAreInverse) {
  const Timeline timeline = ladder().build();
  const Stretch& stretch = *timeline.stretch(1);
  EXPECT_EQ(rendition_name(stretch, {1}), "v1");
  EXPECT_EQ(rendition_name(stretch, {3}), "a3");
  EXPECT_EQ(rendition_name(stretch, {2, 3}), "v2a3");
  for (const auto* file : {"g1-v1-0.ts", "g1-v1a3-18446744073709551615.ts", "g4294967295-a3-7.m4s",
                           "e2g1-v1-0.ts", "e31g2-v1-s3-t0.m4s", "g2-v1-s3-t0.m4s",
                           "g2-a3-s4294967295-t9223372036854775807.m4s", "g1-t9-12.ts"}) {
    const auto name = parse_segment_name(file);
    ASSERT_TRUE(name.has_value()) << file;
    const std::string_view rendition = std::string_view{file}.substr(std::string_view{file}.find('-') + 1);
    EXPECT_EQ(segment_name(*name, rendition.substr(0, rendition.find('-'))), file);
  }
  const auto by_time = *parse_segment_name("g2-a3-s4-t123.m4s");
  EXPECT_EQ(by_time.generation, 2U);
  EXPECT_EQ(by_time.tracks, (std::vector<TrackId>{3}));
  EXPECT_EQ(by_time.stretch, 4U);
  EXPECT_EQ(by_time.time, 123);
  EXPECT_FALSE(by_time.number.has_value());
  EXPECT_FALSE(by_time.transport_stream);
  const auto muxed = *parse_segment_name("g1-v1a3-5.ts");
  EXPECT_EQ(muxed.tracks, (std::vector<TrackId>{1, 3}));
  EXPECT_EQ(muxed.number, 5U);
  EXPECT_TRUE(muxed.transport_stream);
  EXPECT_EQ(muxed.edition, 1U);
  EXPECT_EQ(parse_segment_name("e7g1-v1a3-5.ts")->edition, 7U);
  const auto init = *parse_init_name("g3-v12-i4.mp4");
  EXPECT_EQ(init.track, 12U);
  EXPECT_EQ(init_name(init.edition, init.generation, "v12", init.config), "g3-v12-i4.mp4");
  EXPECT_EQ(parse_init_name("e2g3-v12-i4.mp4")->edition, 2U);
  EXPECT_EQ(init_name(2, 3, "v12", 4), "e2g3-v12-i4.mp4");
}

TEST(OutputNames, OnlyTheCanonicalNameIsTaken) {
  for (const auto* file : {"",
                           "g1",
                           "g1-",
                           "g1-v1",
                           "g1-v1-",
                           "g1-v1-1",
                           "g1-v1-1.",
                           "g1-v1-1.mp4",
                           "g0-v1-1.ts",
                           "g01-v1-1.ts",
                           "e1g1-v1-1.ts",
                           "e0g1-v1-1.ts",
                           "e02g1-v1-1.ts",
                           "eg1-v1-1.ts",
                           "e2-v1-1.ts",
                           "e4294967296g1-v1-1.ts",
                           "g1-v0-1.ts",
                           "g1-v01-1.ts",
                           "g1-v1-01.ts",
                           "g1-v1-00.ts",
                           "g1-v1--1.ts",
                           "g1-v1-+1.ts",
                           "g1-v1- 1.ts",
                           "g1-v1-1.ts ",
                           " g1-v1-1.ts",
                           "G1-v1-1.ts",
                           "g1-V1-1.ts",
                           "g1-x1-1.ts",
                           "g1-v-1.ts",
                           "g1-a1v2-1.ts",
                           "g1-v1v2-1.ts",
                           "g1-a1a2-1.ts",
                           "g1-v1a1-1.ts",
                           "g1-v1a2a3-1.ts",
                           "g1-v1a2-1.m4s",
                           "g1-v1-s1-t5.ts",
                           "g1-v1-s0-t5.m4s",
                           "g1-v1-s1-t05.m4s",
                           "g1-v1-s1-t-5.m4s",
                           "g1-v1-s1.m4s",
                           "g1-v1-s1-5.m4s",
                           "g1-v1-s1-t9223372036854775808.m4s",
                           "g4294967296-v1-1.ts",
                           "g1-v4294967296-1.ts",
                           "g1-v1-18446744073709551616.ts",
                           "g1-v1-1.ts.ts",
                           "g1-v1-1.tS",
                           "g1-v1-1.m4s\n"}) {
    EXPECT_FALSE(parse_segment_name(file).has_value()) << file;
  }
  for (const auto* file :
       {"", "g1-v1-i0.mp4", "g1-v1-i01.mp4", "g1-v1a2-i1.mp4", "g1-v1-1.mp4", "g1-v1-i1.m4s", "g1-v1-i1",
        "g0-v1-i1.mp4", "g1-v1-i1.mp4x", "g1-v1-i4294967296.mp4"}) {
    EXPECT_FALSE(parse_init_name(file).has_value()) << file;
  }
  for (const auto* text : {"", "v", "v1a", "v1-", "1", "a1v2", "v01"}) {
    EXPECT_FALSE(parse_rendition_name(text).has_value()) << text;
  }
}

TEST(OutputNames, ManifestsBearTheNameThatIsSet) {
  OutputSettings settings;
  settings.manifest_name = "index-v1";
  EXPECT_EQ(manifest_file(settings), "index-v1.m3u8");
  EXPECT_EQ(media_playlist_file(settings, "v1a3"), "index-v1-v1a3.m3u8");
  const auto main = parse_manifest_name("index-v1.m3u8", "index-v1");
  ASSERT_TRUE(main.has_value());
  EXPECT_FALSE(main->mpd);
  EXPECT_FALSE(main->rendition.has_value());
  const auto media = parse_manifest_name("index-v1-v1a3.m3u8", "index-v1");
  ASSERT_TRUE(media.has_value());
  EXPECT_EQ(media->rendition, "v1a3");
  EXPECT_FALSE(media->i_frames);
  EXPECT_EQ(i_frame_playlist_file(settings, "v1a3"), "index-v1-v1a3-iframes.m3u8");
  const auto pictures = parse_manifest_name("index-v1-v1a3-iframes.m3u8", "index-v1");
  ASSERT_TRUE(pictures.has_value());
  EXPECT_EQ(pictures->rendition, "v1a3");
  EXPECT_TRUE(pictures->i_frames);
  EXPECT_TRUE(parse_manifest_name("m.mpd", "m")->mpd);
  for (const auto* file :
       {"", "m", "m.", "m.m3u", "m.m3u8 ", "M.m3u8", "n.m3u8", "m-.m3u8", "m-v1.mpd", "m-v01.m3u8",
        "m-v1.m3u8.m3u8", "m-a1-iframes.m3u8", "m-v1-iframes", "m-v1-iframes-iframes.m3u8", "m-x1.m3u8",
        "mv1.m3u8", "m-v1", "m.mpd.m3u8", "mm.m3u8"}) {
    EXPECT_FALSE(parse_manifest_name(file, "m").has_value()) << file;
  }
  EXPECT_FALSE(parse_manifest_name(".m3u8", "").has_value());
}

bool is(const Found<Cut>& found, const Cut& cut) { return found != nullptr && *found == cut; }

TEST(FindCut, EveryListedTimeAndNumberLeadsToItsCut) {
  Timeline timeline = ladder().build();
  const Presentation& presentation = *timeline.presentation("e");
  ASSERT_EQ(presentation.cuts.size(), 3U);
  const Stretch& stretch = *timeline.stretch(1);
  for (const Cut& cut : presentation.cuts) {
    for (const TrackId track : {1U, 2U, 3U}) {
      const SegmentName by_number{1, {track}, false, cut.number, {}, {}};
      EXPECT_TRUE(is(find_cut(timeline, presentation, by_number), cut));
      const auto start = span_of(timeline, stretch, cut, track).first->start;
      const SegmentName by_time{1, {track}, false, {}, 1, start};
      EXPECT_TRUE(is(find_cut(timeline, presentation, by_time), cut)) << track;
      const SegmentName beside{1, {track}, false, {}, 1, start + 1};
      EXPECT_EQ(find_cut(timeline, presentation, beside), nullptr);
    }
  }
  EXPECT_EQ(find_cut(timeline, presentation, {2, {1}, false, 1, {}, {}}), nullptr) << "another generation";
  EXPECT_EQ(find_cut(timeline, presentation, {1, {1}, false, 4, {}, {}}), nullptr) << "not there yet";
  EXPECT_EQ(find_cut(timeline, presentation, {1, {9}, false, 1, {}, {}}), nullptr) << "no such track";
  EXPECT_EQ(find_cut(timeline, presentation, {1, {1}, false, {}, 2, 126'000}), nullptr) << "no such stretch";
  timeline.trim_before(2);
  EXPECT_EQ(find_cut(timeline, presentation, {1, {1}, false, 1, {}, {}}), nullptr) << "trimmed";
  EXPECT_NE(find_cut(timeline, presentation, {1, {1}, false, 2, {}, {}}), nullptr);
}

TEST(FindCut, ATrackWhoseFirstSlotIsMissingStartsAtItsFirstChunk) {
  TimelineBuilder builder;
  builder.stretch(noon, 0, {TimelineBuilder::video({}, 640, 360), TimelineBuilder::audio({})})
      .slots(4, 50)
      .slots(1, 50, {2})
      .slots(5, 50)
      .generation(4, 4)
      .cuts(2);
  const Timeline timeline = builder.build();
  const Presentation& presentation = *timeline.presentation("e");
  const std::int64_t start = timeline.find(6)->find(2)->start;
  const auto cut = find_cut(timeline, presentation, {1, {2}, false, {}, 1, start});
  ASSERT_NE(cut, nullptr);
  EXPECT_EQ(cut->number, 3U);
}

TEST(SpanOf, JoinsToTheTickAndKeepsStepAcrossHoles) {
  TimelineBuilder builder;
  builder.stretch(noon, 126'000, {TimelineBuilder::video({}, 640, 360), TimelineBuilder::audio({})})
      .slots(4, 50)
      .slots(2, 50, {2})
      .slots(4, 50)
      .generation(4, 4)
      .cuts(2);
  const Timeline timeline = builder.build();
  const Stretch& stretch = *timeline.stretch(1);
  const auto& cuts = timeline.presentation("e")->cuts;
  const TrackSpan first = span_of(timeline, stretch, cuts[0], 2);
  const TrackSpan second = span_of(timeline, stretch, cuts[1], 2);
  const TrackSpan hole = span_of(timeline, stretch, cuts[2], 2);
  EXPECT_EQ(first.start, 67'200);
  EXPECT_EQ(first.end, second.start);
  EXPECT_EQ((first.end - first.start) % 1024, 0);
  EXPECT_EQ(hole.first, nullptr);
  EXPECT_EQ(hole.bytes, 0U);
  EXPECT_EQ(hole.end - hole.start, 4 * 48'000);
  EXPECT_EQ(end_of(timeline, stretch, cuts[4]), noon + seconds{20});
  EXPECT_EQ(start_of(timeline, cuts[4]), noon + seconds{16});
  EXPECT_EQ(duration_of(timeline, stretch, cuts[0]), seconds{4});
}

TEST(Variants, OrderAndBoundsGoByTheDeclaredBitrate) {
  const Timeline timeline = ladder().build();
  const Stretch& stretch = *timeline.stretch(1);
  OutputSettings settings;
  const auto videos = [&] {
    std::vector<TrackId> ids;
    for (const auto& variant : variants_of(timeline, stretch, settings)) ids.push_back(variant.video);
    return ids;
  };
  EXPECT_EQ(videos(), (std::vector<TrackId>{1, 2}));
  settings.stream_order = StreamOrder::bitrate_ascending;
  EXPECT_EQ(videos(), (std::vector<TrackId>{2, 1}));
  settings.stream_order = StreamOrder::bitrate_descending;
  EXPECT_EQ(videos(), (std::vector<TrackId>{1, 2}));
  settings.min_video_bitrate = 900'000;
  settings.max_video_bitrate = 2'500'000;
  EXPECT_EQ(videos(), (std::vector<TrackId>{1, 2}));
  settings.min_video_bitrate = 900'001;
  EXPECT_EQ(videos(), (std::vector<TrackId>{1}));
  settings.max_video_bitrate = 2'499'999;
  EXPECT_TRUE(videos().empty());
}

TEST(Variants, WhatIsNotDeclaredIsMeasured) {
  TimelineBuilder builder;
  builder.stretch(noon, 0, {TimelineBuilder::video({}, 640, 360), TimelineBuilder::audio({})}).slots(5, 50);
  const Timeline timeline = builder.build();
  const auto variants = variants_of(timeline, *timeline.stretch(1), {});
  ASSERT_EQ(variants.size(), 1U);
  EXPECT_EQ(variants[0].video, 1U);
  EXPECT_EQ(variants[0].audio, (std::vector<TrackId>{2}));
  EXPECT_NEAR(static_cast<double>(variants[0].bitrate), (57'600 + 16'000) * 8, 3'000);
}

TEST(Variants, AudioIsMuxedWhenNoVariantHasAChoice) {
  OutputSettings settings;
  const Timeline one = ladder().build();
  EXPECT_TRUE(is_muxed(*one.stretch(1), settings));
  settings.audio_separation = true;
  EXPECT_FALSE(is_muxed(*one.stretch(1), settings));
  settings.audio_separation = false;
  settings.protocol = Protocol::hls_cmaf;
  EXPECT_FALSE(is_muxed(*one.stretch(1), settings));
  settings.protocol = Protocol::hls;
  TimelineBuilder builder;
  builder.stretch(noon, 0,
                  {TimelineBuilder::video({{0, 1, 0}}, 640, 360), TimelineBuilder::audio({{0, 1, 0}}, "en"),
                   TimelineBuilder::audio({{0, 1, 0}}, "de")});
  const Timeline two = builder.build();
  EXPECT_FALSE(is_muxed(*two.stretch(1), settings));
  EXPECT_TRUE(has_rendition(*two.stretch(1), settings, {1, 2}));
  EXPECT_TRUE(has_rendition(*two.stretch(1), settings, {3}));
  EXPECT_FALSE(has_rendition(*two.stretch(1), settings, {2, 3}));
  EXPECT_FALSE(has_rendition(*two.stretch(1), settings, {4}));
  settings.protocol = Protocol::hls_cmaf;
  EXPECT_FALSE(has_rendition(*two.stretch(1), settings, {1, 2}));
}

TEST(MeasureBitrate, AShortLastSegmentIsNoPeak) {
  TimelineBuilder builder;
  builder.stretch(noon, 0, {TimelineBuilder::video({}, 640, 360), TimelineBuilder::audio({})})
      .slots(6, 50)
      .slots(1, 5)
      .generation(4, 4)
      .cuts(2);
  const Timeline timeline = builder.build();
  OutputSettings settings;
  settings.protocol = Protocol::hls_cmaf;
  settings.segment_duration = 4;
  const auto rate =
      measure_bitrate(timeline, *timeline.presentation("e"), *timeline.stretch(1), settings, {{1}, {2}});
  // 57,600 + 16,000 bytes a second, and 2 × 32 bytes of styp per segment
  EXPECT_GE(rate.peak, 588'800U);
  EXPECT_LE(rate.peak, 592'000U);
  EXPECT_LE(rate.average, rate.peak);
}

}  // namespace
}  // namespace tarn::timeline
