// SPDX-License-Identifier: Apache-2.0
#include "core/hls/render.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "core/hls/playlist.h"
#include "support/timeline_builder.h"

namespace tarn::hls {
namespace {

using std::chrono::seconds;
using test::TimelineBuilder;
using timeline::OutputSettings;
using timeline::Protocol;
using timeline::StreamOrder;
using timeline::Timeline;
using timeline::VariantUse;

const Utc noon = *parse_utc("2026-11-22T12:00:00Z");

std::vector<TimelineBuilder::Source> ladder() {
  const VariantUse high{0, 3'000'000, 2'500'000};
  const VariantUse low{1, 900'000, 800'000};
  return {TimelineBuilder::video({high}, 1280, 720), TimelineBuilder::video({low}, 640, 360),
          TimelineBuilder::audio({high, low}, "en")};
}

OutputSettings output(Protocol protocol, std::uint32_t segments = 3) {
  OutputSettings settings;
  settings.endpoint = "e";
  settings.protocol = protocol;
  settings.segments = segments;
  settings.segment_duration = 4;
  return settings;
}

std::string text(const Result<std::string>& rendered) {
  return rendered.ok() ? rendered.value() : "error: " + rendered.error().message;
}

MediaPlaylist media(const Timeline& timeline, const OutputSettings& settings, std::string_view rendition) {
  const auto rendered = render_media(timeline, settings, rendition);
  if (!rendered.ok()) {
    ADD_FAILURE() << rendered.error().message;
    return {};
  }
  auto parsed = parse_media(*rendered);
  if (!parsed.ok()) {
    ADD_FAILURE() << parsed.error().message << "\n" << *rendered;
    return {};
  }
  EXPECT_EQ(write(*parsed), *rendered) << "what is rendered is in the writer's form";
  return std::move(parsed).value();
}

MultivariantPlaylist multivariant(const Timeline& timeline, const OutputSettings& settings) {
  const auto rendered = render_multivariant(timeline, settings);
  if (!rendered.ok()) {
    ADD_FAILURE() << rendered.error().message;
    return {};
  }
  auto parsed = parse_multivariant(*rendered);
  if (!parsed.ok()) {
    ADD_FAILURE() << parsed.error().message << "\n" << *rendered;
    return {};
  }
  return std::move(parsed).value();
}

// GOPs of 2 s, segments of 4 s.
Timeline plain(int slots = 10) {
  return TimelineBuilder{}.stretch(noon, 126'000, ladder()).slots(slots, 50).generation(4, 4).cuts(2).build();
}

TEST(RenderMultivariant, TransportStreamWithMuxedAudio) {
  EXPECT_EQ(text(render_multivariant(plain(), output(Protocol::hls))),
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=2087552,CODECS=\"avc1.64001F,mp4a.40.2\","
            "RESOLUTION=1280x720,FRAME-RATE=25.000\nmanifest-v1a3.m3u8\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=673792,CODECS=\"avc1.4D401E,mp4a.40.2\","
            "RESOLUTION=640x360,FRAME-RATE=25.000\nmanifest-v2a3.m3u8\n");
}

TEST(RenderMultivariant, CmafHasAudioInAGroup) {
  auto settings = output(Protocol::hls_cmaf);
  settings.manifest_name = "index";
  settings.stream_order = StreamOrder::bitrate_ascending;
  EXPECT_EQ(text(render_multivariant(plain(), settings)),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a3\",NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,"
            "CHANNELS=\"2\",URI=\"index-a3.m3u8\"\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=588713,CODECS=\"avc1.4D401E,mp4a.40.2\","
            "RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO=\"a3\"\nindex-v2.m3u8\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=1971113,CODECS=\"avc1.64001F,mp4a.40.2\","
            "RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"a3\"\nindex-v1.m3u8\n");
}

TEST(RenderMultivariant, AudioSeparationMakesAGroupForTransportStreams) {
  auto settings = output(Protocol::hls);
  settings.audio_separation = true;
  const auto playlist = multivariant(plain(), settings);
  EXPECT_EQ(playlist.version, 4U);
  ASSERT_EQ(playlist.media.size(), 1U);
  EXPECT_EQ(playlist.media[0].uri, "manifest-a3.m3u8");
  ASSERT_EQ(playlist.variants.size(), 2U);
  EXPECT_EQ(playlist.variants[0].uri, "manifest-v1.m3u8");
  EXPECT_EQ(playlist.variants[0].audio, "a3");
  EXPECT_EQ(playlist.variants[0].codecs, "avc1.64001F,mp4a.40.2");
}

TEST(RenderMultivariant, SeveralLanguagesCannotBeMuxed) {
  const VariantUse use{0, 2'000'000, 0};
  auto english = TimelineBuilder::audio({use}, "en");
  auto german = TimelineBuilder::audio({use}, "de");
  auto described = TimelineBuilder::audio({use}, "en");
  german.description.name = "Deutsch";
  german.description.is_default = true;
  described.description.name = "en";
  const auto timeline =
      TimelineBuilder{}
          .stretch(noon, 0, {TimelineBuilder::video({use}, 640, 360), english, german, described})
          .slots(4, 50)
          .generation(4, 4)
          .cuts(2)
          .build();
  const auto playlist = multivariant(timeline, output(Protocol::hls));
  ASSERT_EQ(playlist.media.size(), 3U);
  EXPECT_EQ(playlist.media[0].group_id, "a2a3a4");
  EXPECT_EQ(playlist.media[0].name, "en");
  EXPECT_FALSE(playlist.media[0].is_default);
  EXPECT_TRUE(playlist.media[0].is_autoselect) << "nobody described it: it may be chosen by language";
  EXPECT_EQ(playlist.media[1].name, "Deutsch");
  EXPECT_TRUE(playlist.media[1].is_default);
  EXPECT_TRUE(playlist.media[1].is_autoselect);
  EXPECT_EQ(playlist.media[2].name, "en 2") << "names are unique in a group";
  EXPECT_FALSE(playlist.media[2].is_autoselect);
  ASSERT_EQ(playlist.variants.size(), 1U);
  EXPECT_EQ(playlist.variants[0].uri, "manifest-v1.m3u8");
  EXPECT_EQ(playlist.variants[0].audio, "a2a3a4");
  EXPECT_EQ(media(timeline, output(Protocol::hls), "a3").segments[0].uri, "g1-a3-1.ts");
}

TEST(RenderMultivariant, BandwidthIsWhatIsDeclaredOrMeasuredWhicheverIsMore) {
  const VariantUse modest{0, 100'000, 90'000};
  const auto timeline =
      TimelineBuilder{}
          .stretch(noon, 0, {TimelineBuilder::video({modest}, 640, 360), TimelineBuilder::audio({modest})})
          .slots(8, 50)
          .generation(4, 4)
          .cuts(2)
          .build();
  const auto cmaf = multivariant(timeline, output(Protocol::hls_cmaf)).variants.at(0);
  // (57,600 + 16,000) bytes a second of chunks, 64 bytes of `styp` in 4 s
  EXPECT_GE(cmaf.bandwidth, 588'800U + 128);
  EXPECT_LE(cmaf.bandwidth, 592'000U);
  const auto ts = multivariant(timeline, output(Protocol::hls)).variants.at(0);
  EXPECT_GT(ts.bandwidth, cmaf.bandwidth) << "188-byte packets cost something";
  EXPECT_LT(ts.bandwidth, cmaf.bandwidth * 5 / 4);
  EXPECT_LE(ts.average_bandwidth, ts.bandwidth);
}

TEST(RenderMultivariant, FrameRatesAreExactToTheThirdDecimal) {
  for (const auto& [numerator, denominator, expected] :
       {std::tuple{30'000U, 1'001U, 29'970U}, {24'000U, 1'001U, 23'976U}, {50U, 1U, 50'000U}, {0U, 1U, 0U}}) {
    auto video = TimelineBuilder::video({}, 640, 360, 25, 1);
    video.description.info.frame_rate_numerator = numerator;
    video.description.info.frame_rate_denominator = denominator;
    const auto timeline = TimelineBuilder{}
                              .stretch(noon, 0, {video})
                              .slots(2, numerator == 0 ? 1 : 50)
                              .generation(1, 4)
                              .cuts(1)
                              .build();
    EXPECT_EQ(multivariant(timeline, output(Protocol::hls)).variants.at(0).frame_rate_millis, expected);
  }
}

TEST(RenderMultivariant, AudioAloneIsAVariant) {
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, {TimelineBuilder::audio({{0, 128'000, 0}}, "und")})
                            .slots(6, 94)
                            .generation(4, 4)
                            .cuts(2)
                            .build();
  for (const auto protocol : {Protocol::hls, Protocol::hls_cmaf}) {
    const auto playlist = multivariant(timeline, output(protocol));
    EXPECT_TRUE(playlist.media.empty());
    ASSERT_EQ(playlist.variants.size(), 1U);
    EXPECT_EQ(playlist.variants[0].codecs, "mp4a.40.2");
    EXPECT_EQ(playlist.variants[0].uri, "manifest-a1.m3u8");
    EXPECT_FALSE(playlist.variants[0].resolution.has_value());
  }
  const auto playlist = media(timeline, output(Protocol::hls_cmaf), "a1");
  ASSERT_EQ(playlist.segments.size(), 3U);
  EXPECT_EQ(playlist.segments[0].duration, Microseconds{4'010'670}) << "188 frames of 1024 at 48 kHz";
}

TEST(RenderMultivariant, BoundsLeaveVariantsOut) {
  auto settings = output(Protocol::hls_cmaf);
  settings.max_video_bitrate = 1'000'000;
  const auto playlist = multivariant(plain(), settings);
  ASSERT_EQ(playlist.variants.size(), 1U);
  EXPECT_EQ(playlist.variants[0].uri, "manifest-v2.m3u8");
  settings.max_video_bitrate = 1;
  const auto none = render_multivariant(plain(), settings);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
}

TEST(RenderMultivariant, DeclaresCaptionsAndCharacteristics) {
  auto video = TimelineBuilder::video({{0, 3'000'000, 0}}, 1280, 720);
  video.description.captions = {{"CC1", "en", "English", false, false}, {"SERVICE2", "", "", false, false}};
  auto audio = TimelineBuilder::audio({{0, 3'000'000, 0}}, "en");
  audio.description.characteristics = "public.accessibility.describes-video";
  const auto playlist = multivariant(
      TimelineBuilder{}.stretch(noon, 0, {video, audio}).slots(10, 50).generation(4, 4).cuts(2).build(),
      output(Protocol::hls_cmaf));
  ASSERT_EQ(playlist.media.size(), 3U);
  EXPECT_EQ(playlist.media[0].characteristics, "public.accessibility.describes-video");
  EXPECT_EQ(playlist.media[1].type, "CLOSED-CAPTIONS");
  EXPECT_EQ(playlist.media[1].name, "English");
  EXPECT_EQ(playlist.media[1].instream_id, "CC1");
  EXPECT_TRUE(playlist.media[1].is_default);
  EXPECT_TRUE(playlist.media[1].uri.empty());
  EXPECT_EQ(playlist.media[2].name, "SERVICE2");
  EXPECT_FALSE(playlist.media[2].is_default);
  EXPECT_EQ(playlist.variants[0].closed_captions, playlist.media[1].group_id);
}

TEST(RenderMedia, TransportStreamListsTheLastSegments) {
  EXPECT_EQ(
      text(render_media(plain(), output(Protocol::hls), "v1a3")),
      "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:3\n"
      "#EXT-X-INDEPENDENT-SEGMENTS\n"
      "#EXTINF:4.00000,\ng1-v1a3-3.ts\n#EXTINF:4.00000,\ng1-v1a3-4.ts\n#EXTINF:4.00000,\ng1-v1a3-5.ts\n");
}

TEST(RenderMedia, AudioHasItsOwnDurations) {
  EXPECT_EQ(text(render_media(plain(6), output(Protocol::hls_cmaf), "a3")),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:1\n"
            "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"g1-a3-i1.mp4\"\n"
            "#EXTINF:3.94667,\ng1-a3-1.m4s\n#EXTINF:3.98933,\ng1-a3-2.m4s\n#EXTINF:4.01067,\ng1-a3-3.m4s\n");
}

TEST(RenderMedia, NtscDurationsDoNotDrift) {
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, {TimelineBuilder::video({}, 640, 360, 30'000, 1'001)})
                            .slots(200, 60)
                            .generation(6, 8)
                            .cuts(3)
                            .build();
  const auto playlist = media(timeline, output(Protocol::hls, 60), "v1");
  ASSERT_EQ(playlist.segments.size(), 60U);
  for (const auto& segment : playlist.segments)
    EXPECT_EQ(segment.duration, Microseconds{segment.uri == "g1-v1-67.ts" ? 4'004'000 : 6'006'000});
  EXPECT_EQ(playlist.target_duration, 8U);
}

// Two stretches with an outage between them, one segment sliding out at a time.
TEST(RenderMedia, DiscontinuitySequenceCountsWhatHasLeft) {
  const auto two = [](int more) {
    return TimelineBuilder{}
        .stretch(noon, 0, ladder())
        .slots(4, 50)
        .stretch(noon + seconds{60}, 9'000'000, ladder())
        .slots(more, 50)
        .generation(4, 4)
        .cuts(2)
        .build();
  };
  const struct {
    int slots;
    std::uint64_t first;
    std::uint64_t sequence;
    std::vector<bool> tags;
  } cases[] = {{2, 1, 0, {false, false, true}},
               {4, 2, 0, {false, true, false}},
               {6, 3, 0, {true, false, false}},
               {8, 4, 1, {false, false, false}}};
  for (const auto& c : cases) {
    const auto playlist = media(two(c.slots), output(Protocol::hls_cmaf), "v1");
    EXPECT_EQ(playlist.media_sequence, c.first);
    EXPECT_EQ(playlist.discontinuity_sequence, c.sequence) << "first listed: " << c.first;
    ASSERT_EQ(playlist.segments.size(), c.tags.size());
    for (std::size_t i = 0; i < c.tags.size(); ++i) {
      EXPECT_EQ(playlist.segments[i].discontinuity, c.tags[i]) << c.first << ": " << i;
      EXPECT_EQ(playlist.segments[i].map.has_value(), i == 0 || c.tags[i]) << c.first << ": " << i;
    }
  }
}

// Semantics S3: a stretch that ended before its first slot was listed has used up an id.
TEST(RenderMedia, DiscontinuitySequenceIsThatOfTheCutsNotOfTheStretches) {
  auto builder = TimelineBuilder{};
  builder.stretch(noon, 0, ladder()).slots(2, 50).skip_stretch_id();
  builder.stretch(noon + seconds{60}, 9'000'000, ladder()).slots(2, 50).skip_stretch_id().skip_stretch_id();
  builder.stretch(noon + seconds{90}, 18'000'000, ladder()).slots(6, 50);
  const Timeline timeline = builder.generation(4, 4).cuts(2).build();
  auto settings = output(Protocol::hls);
  for (const auto& [segments, sequence] : {std::pair{5U, 0U}, {4U, 0U}, {3U, 1U}, {2U, 2U}, {1U, 2U}}) {
    settings.segments = segments;
    EXPECT_EQ(media(timeline, settings, "v1a3").discontinuity_sequence, sequence) << segments;
  }
}

TEST(RenderMedia, AGenerationAfterATooLongGopBeginsWithADiscontinuity) {
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, ladder())
                            .slots(4, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .slots(1, 300)
                            .long_gop_generation(4, 12)
                            .cuts(1)
                            .build();
  const auto playlist = media(timeline, output(Protocol::hls_cmaf), "v1");
  ASSERT_EQ(playlist.segments.size(), 3U);
  EXPECT_TRUE(playlist.segments[2].discontinuity);
  EXPECT_EQ(playlist.segments[2].map, Map{"g2-v1-i1.mp4"});
  EXPECT_EQ(playlist.discontinuity_sequence, 0U);
  EXPECT_EQ(playlist.target_duration, 12U);
}

TEST(RenderMedia, TheTagStaysWhenTheSegmentBeforeItIsDeleted) {
  auto builder = TimelineBuilder{};
  builder.stretch(noon, 0, ladder()).slots(4, 50).stretch(noon + seconds{60}, 0, ladder()).slots(6, 50);
  Timeline timeline = builder.generation(4, 4).cuts(2).build();
  const auto before = text(render_media(timeline, output(Protocol::hls), "v1a3"));
  EXPECT_NE(before.find("#EXT-X-DISCONTINUITY\n"), std::string::npos);
  auto presentation = *timeline.presentation("e");
  presentation.cuts.drop_front(2);
  timeline.trim_before(5);
  timeline.presentations["e"] = std::make_shared<const timeline::Presentation>(presentation);
  EXPECT_EQ(text(render_media(timeline, output(Protocol::hls), "v1a3")), before);
}

TEST(RenderMedia, ANewCmafHeaderIsNamedWhereItBegins) {
  auto changed = ladder();
  changed[0].config = 2;
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, ladder())
                            .slots(4, 50)
                            .stretch(noon + seconds{8}, 720'000, changed)
                            .slots(2, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .build();
  const auto playlist = media(timeline, output(Protocol::hls_cmaf), "v1");
  ASSERT_EQ(playlist.segments.size(), 3U);
  EXPECT_EQ(playlist.segments[0].map, Map{"g1-v1-i1.mp4"});
  EXPECT_FALSE(playlist.segments[1].map.has_value());
  EXPECT_EQ(playlist.segments[2].map, Map{"g1-v1-i2.mp4"});
}

TEST(RenderMedia, AGenerationGoesOnWithoutDiscontinuity) {
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, ladder())
                            .slots(4, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .slots(6, 50)
                            .generation(6, 6)
                            .cuts(3)
                            .build();
  const auto playlist = media(timeline, output(Protocol::hls_cmaf), "v1");
  ASSERT_EQ(playlist.segments.size(), 3U);
  EXPECT_EQ(playlist.target_duration, 6U);
  EXPECT_EQ(playlist.segments[0].uri, "g1-v1-2.m4s");
  EXPECT_EQ(playlist.segments[1].uri, "g2-v1-3.m4s");
  EXPECT_EQ(playlist.segments[1].map, Map{"g2-v1-i1.mp4"});
  EXPECT_FALSE(playlist.segments[1].discontinuity);
  EXPECT_EQ(playlist.segments[2].duration, seconds{6});
}

TEST(RenderMedia, WhatATrackMissesIsAGapOfTheSameLength) {
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, ladder())
                            .slots(2, 50)
                            .slots(2, 50, {2})
                            .slots(2, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .build();
  const auto gone = media(timeline, output(Protocol::hls_cmaf), "v2");
  ASSERT_EQ(gone.segments.size(), 3U);
  EXPECT_EQ(gone.version, 8U);
  EXPECT_FALSE(gone.segments[0].gap);
  EXPECT_TRUE(gone.segments[1].gap);
  EXPECT_EQ(gone.segments[1].uri, "g1-v2-2.m4s") << "the URL is reserved for late content";
  EXPECT_EQ(gone.segments[1].duration, seconds{4});
  EXPECT_FALSE(gone.segments[2].gap);
  EXPECT_FALSE(gone.segments[2].discontinuity);
  const auto whole = media(timeline, output(Protocol::hls_cmaf), "v1");
  EXPECT_EQ(whole.version, 7U);
  EXPECT_FALSE(whole.segments[1].gap);
}

TEST(RenderMedia, PartlyMissingIsListedWithItsFullShareOfTime) {
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, ladder())
                            .slots(2, 50)
                            .slots(1, 50, {1})
                            .slots(3, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .build();
  const auto playlist = media(timeline, output(Protocol::hls), "v1a3");
  ASSERT_EQ(playlist.segments.size(), 3U);
  EXPECT_FALSE(playlist.segments[1].gap);
  EXPECT_EQ(playlist.segments[1].duration, seconds{4});
}

TEST(RenderMedia, ARenditionThatAStretchDoesNotHaveIsAGapThere) {
  auto more = ladder();
  more.push_back(TimelineBuilder::audio({{0, 3'000'000, 0}}, "de"));
  const auto timeline = TimelineBuilder{}
                            .stretch(noon, 0, ladder())
                            .slots(2, 50)
                            .stretch(noon + seconds{4}, 360'000, more)
                            .slots(2, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .build();
  const auto playlist = media(timeline, output(Protocol::hls_cmaf), "a4");
  ASSERT_EQ(playlist.segments.size(), 2U);
  EXPECT_TRUE(playlist.segments[0].gap);
  EXPECT_FALSE(playlist.segments[0].map.has_value());
  EXPECT_FALSE(playlist.segments[1].gap);
  EXPECT_EQ(playlist.segments[1].map, Map{"g1-a4-i1.mp4"});
}

TEST(RenderMedia, UnknownRenditionsAreNotFound) {
  const auto timeline = plain();
  for (const auto* rendition : {"", "v9", "a1", "v3", "v1v2", "v2a9", "v1a3x", "../../etc"}) {
    for (const auto protocol : {Protocol::hls, Protocol::hls_cmaf}) {
      const auto rendered = render_media(timeline, output(protocol), rendition);
      ASSERT_FALSE(rendered.ok()) << rendition;
      EXPECT_EQ(rendered.error().code, ErrorCode::not_found);
    }
  }
  EXPECT_FALSE(render_media(timeline, output(Protocol::hls_cmaf), "v1a3").ok());
  EXPECT_FALSE(render_media(timeline, output(Protocol::dash), "v1").ok());
  EXPECT_TRUE(render_media(timeline, output(Protocol::hls), "v1").ok())
      << "players stay on when separation ends";
}

TEST(RenderMedia, DatesComeAtTheInterval) {
  auto settings = output(Protocol::hls, 10);
  settings.program_date_time_interval = 8;
  const auto timeline = TimelineBuilder{}
                            .stretch(noon + seconds{1}, 126'000, ladder())
                            .slots(10, 50)
                            .stretch(noon + seconds{61}, 0, ladder())
                            .slots(4, 50)
                            .generation(4, 4)
                            .cuts(2)
                            .build();
  const auto playlist = media(timeline, settings, "v1a3");
  ASSERT_EQ(playlist.segments.size(), 7U);
  // Starts at :01 :05 :09 :13 :17, then :61 :65; multiples of 8 s lie at :08 :16 and :64.
  const std::vector<std::optional<Utc>> expected{
      noon + seconds{1}, {}, noon + seconds{9}, {}, noon + seconds{17}, noon + seconds{61},
      noon + seconds{65}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(playlist.segments[i].program_date_time, expected[i]) << i;
  }
  settings.segments = 6;
  EXPECT_FALSE(media(timeline, settings, "v1a3").segments[0].program_date_time.has_value())
      << "a tag does not come and go with the window";
  settings.audio_separation = true;
  const auto audio = media(timeline, settings, "a3");
  ASSERT_TRUE(audio.segments[1].program_date_time.has_value());
  EXPECT_EQ(*audio.segments[1].program_date_time, noon + seconds{9} - Microseconds{64'000})
      << "an audio segment begins with its own first sample, three frames earlier";
  settings.program_date_time_interval.reset();
  for (const auto& segment : media(timeline, settings, "a3").segments) {
    EXPECT_FALSE(segment.program_date_time.has_value());
  }
}

TEST(RenderMedia, EndsWithTheStream) {
  Timeline timeline = plain();
  EXPECT_FALSE(media(timeline, output(Protocol::hls), "v1a3").end_list);
  timeline.ended = noon + seconds{30};
  EXPECT_TRUE(media(timeline, output(Protocol::hls), "v1a3").end_list);
}

// Two slots, of which the first has no sync sample of the first video.
Timeline with_open_gop(std::uint32_t slots_per_cut) {
  auto builder = TimelineBuilder{};
  builder.stretch(noon, 0, ladder()).slots(2, 50);
  const std::uint32_t seconds_per_cut = 2 * slots_per_cut;
  const Timeline made = builder.generation(seconds_per_cut, seconds_per_cut).cuts(slots_per_cut).build();
  Timeline timeline;
  timeline.stretches = made.stretches;
  timeline.presentations = made.presentations;
  for (std::uint64_t number = 1; number <= 2; ++number) {
    timeline::Slot slot = made.find(number)->copy();
    slot.chunks[0].independent = number != 1;
    timeline.append(std::move(slot));
  }
  return timeline;
}

TEST(RenderMedia, OpenGopsTakeThePromiseOfIndependenceAway) {
  const Timeline timeline = with_open_gop(2);
  EXPECT_FALSE(media(timeline, output(Protocol::hls_cmaf), "v1").independent_segments);
  EXPECT_TRUE(media(timeline, output(Protocol::hls_cmaf), "v2").independent_segments);
  EXPECT_FALSE(multivariant(timeline, output(Protocol::hls_cmaf)).independent_segments);
}

OutputSettings with_i_frames(Protocol protocol, std::uint32_t segments = 3) {
  OutputSettings settings = output(protocol, segments);
  settings.i_frames = true;
  return settings;
}

TEST(RenderIFrames, ListTheFirstPictureOfEachSegment) {
  const Timeline timeline = plain();
  const auto settings = with_i_frames(Protocol::hls_cmaf);
  const auto segments = i_frame_segments(timeline, settings, "v1");
  ASSERT_TRUE(segments.ok()) << segments.error().message;
  EXPECT_EQ(*segments, (std::vector<std::string>{"g1-v1-3.m4s", "g1-v1-4.m4s", "g1-v1-5.m4s"}));
  // What is not known is a gap; other names mean nothing here.
  const Leads leads{{"g1-v1-3.m4s", 20'000}, {"g1-v1-5.m4s", 21'000}, {"g1-v2-4.m4s", 1}};
  EXPECT_EQ(text(render_i_frames(timeline, settings, "v1", leads)),
            "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:3\n"
            "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"g1-v1-i1.mp4\"\n"
            "#EXTINF:4.00000,\n#EXT-X-BYTERANGE:20000@0\ng1-v1-3.m4s\n"
            "#EXT-X-GAP\n#EXTINF:4.00000,\ng1-v1-4.m4s\n"
            "#EXTINF:4.00000,\n#EXT-X-BYTERANGE:21000@0\ng1-v1-5.m4s\n");
}

TEST(RenderIFrames, OfTransportStreamsNeedVersionFour) {
  const Leads leads{{"g1-v1a3-4.ts", 18'800}, {"g1-v1a3-5.ts", 17'672}};
  EXPECT_EQ(text(render_i_frames(plain(), with_i_frames(Protocol::hls, 2), "v1a3", leads)),
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:4\n"
            "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-I-FRAMES-ONLY\n"
            "#EXTINF:4.00000,\n#EXT-X-BYTERANGE:18800@0\ng1-v1a3-4.ts\n"
            "#EXTINF:4.00000,\n#EXT-X-BYTERANGE:17672@0\ng1-v1a3-5.ts\n");
}

TEST(RenderIFrames, ASegmentThatBeginsWithAnotherPictureIsAGap) {
  const Timeline timeline = with_open_gop(1);
  const auto segments = i_frame_segments(timeline, with_i_frames(Protocol::hls_cmaf), "v1");
  ASSERT_TRUE(segments.ok());
  EXPECT_EQ(*segments, std::vector<std::string>{"g1-v1-2.m4s"});
}

TEST(RenderIFrames, OnlyWhereThereIsVideoAndTheyAreOffered) {
  const Timeline timeline = plain();
  EXPECT_EQ(render_i_frames(timeline, output(Protocol::hls_cmaf), "v1", {}).error().code,
            ErrorCode::not_found);
  for (const auto* rendition : {"a3", "v9", "x", "v1a3"}) {
    EXPECT_EQ(render_i_frames(timeline, with_i_frames(Protocol::hls_cmaf), rendition, {}).error().code,
              ErrorCode::not_found)
        << rendition;
  }
  const auto rendered = text(render_multivariant(timeline, with_i_frames(Protocol::hls_cmaf)));
  EXPECT_NE(rendered.find("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH="), std::string::npos);
  EXPECT_NE(rendered.find("CODECS=\"avc1.64001F\",RESOLUTION=1280x720,URI=\"manifest-v1-iframes.m3u8\"\n"),
            std::string::npos)
      << rendered;
  EXPECT_NE(rendered.find("URI=\"manifest-v2-iframes.m3u8\"\n"), std::string::npos);
  EXPECT_TRUE(parse_multivariant(rendered).ok());
}

TEST(RenderIFrames, NotForWindowsOfThousandsOfSegments) {
  const auto slots = static_cast<int>(most_i_frames) + 1;
  const Timeline timeline =
      TimelineBuilder{}.stretch(noon, 0, ladder()).slots(slots, 50).generation(2, 2).cuts(1).build();
  const auto settings = with_i_frames(Protocol::hls_cmaf, static_cast<std::uint32_t>(slots));
  EXPECT_EQ(i_frame_segments(timeline, settings, "v1").error().code, ErrorCode::not_found);
  EXPECT_EQ(text(render_multivariant(timeline, settings)).find("I-FRAME"), std::string::npos);
  const auto shorter = with_i_frames(Protocol::hls_cmaf, most_i_frames);
  EXPECT_EQ(i_frame_segments(timeline, shorter, "v1")->size(), most_i_frames);
  EXPECT_NE(text(render_multivariant(timeline, shorter)).find("I-FRAME"), std::string::npos);
}

TEST(Render, NothingToListIsNotFound) {
  const Timeline nothing;
  EXPECT_EQ(render_multivariant(nothing, output(Protocol::hls)).error().code, ErrorCode::not_found);
  EXPECT_EQ(render_media(nothing, output(Protocol::hls), "v1").error().code, ErrorCode::not_found);
  auto other = output(Protocol::hls);
  other.endpoint = "another";
  EXPECT_EQ(render_multivariant(plain(), other).error().code, ErrorCode::not_found);
}

TEST(Render, TheSameStateGivesTheSameText) {
  const auto settings = output(Protocol::hls);
  EXPECT_EQ(text(render_media(plain(), settings, "v1a3")), text(render_media(plain(), settings, "v1a3")));
  EXPECT_EQ(text(render_multivariant(plain(), settings)), text(render_multivariant(plain(), settings)));
}

OutputSettings encrypted() {
  OutputSettings settings = output(Protocol::hls_cmaf);
  settings.is_encrypted = true;
  timeline::Protection protection;
  protection.video.systems = {{.hls_media = "#EXT-X-KEY:V1", .hls_session = "#EXT-X-SESSION-KEY:V1"},
                              {.hls_media = "#EXT-X-KEY:V2", .hls_session = "#EXT-X-SESSION-KEY:V2"}};
  protection.audio.systems = {{.hls_media = "#EXT-X-KEY:A1", .hls_session = "#EXT-X-SESSION-KEY:A1"},
                              {.hls_media = "#EXT-X-KEY:V2", .hls_session = "#EXT-X-SESSION-KEY:V2"}};
  settings.protection = std::make_shared<const timeline::Protection>(protection);
  return settings;
}

TEST(RenderKeys, AreInFrontOfTheSegmentsOfTheirKind) {
  const Timeline timeline =
      TimelineBuilder{}.stretch(noon, 90'000, ladder()).slots(8, 50).generation(4, 4).cuts(2).build();
  const std::string video = text(render_media(timeline, encrypted(), "v1"));
  EXPECT_NE(video.find("#EXT-X-KEY:V1\n#EXT-X-KEY:V2\n#EXT-X-MAP"), std::string::npos) << video;
  EXPECT_EQ(video.find("#EXT-X-KEY:A1"), std::string::npos);
  EXPECT_NE(text(render_media(timeline, encrypted(), "a3")).find("#EXT-X-KEY:A1\n"), std::string::npos);
  const std::string multivariant = text(render_multivariant(timeline, encrypted()));
  EXPECT_NE(
      multivariant.find("#EXT-X-SESSION-KEY:V1\n#EXT-X-SESSION-KEY:V2\n#EXT-X-SESSION-KEY:A1\n#EXT-X-MEDIA"),
      std::string::npos)
      << multivariant;
}

std::shared_ptr<const timeline::Protection> keys_named(const std::string& name) {
  timeline::Protection protection;
  protection.video.systems = {
      {.hls_media = "#EXT-X-KEY:V" + name, .hls_session = "#EXT-X-SESSION-KEY:V" + name}};
  protection.audio.systems = {
      {.hls_media = "#EXT-X-KEY:A" + name, .hls_session = "#EXT-X-SESSION-KEY:A" + name}};
  return std::make_shared<const timeline::Protection>(protection);
}

std::string only(const std::string& playlist, const std::vector<std::string>& tags) {
  std::string kept;
  std::istringstream lines{playlist};
  for (std::string line; std::getline(lines, line);) {
    const auto is_tag = [&](const std::string& tag) { return line.starts_with(tag); };
    if (std::any_of(tags.begin(), tags.end(), is_tag)) kept += line + "\n";
  }
  return kept;
}

TEST(RenderKeys, ChangeInFrontOfTheFirstSegmentOfTheirPeriod) {
  TimelineBuilder builder;
  builder.stretch(noon + std::chrono::seconds{44}, 90'000, ladder());
  for (int i = 0; i < 4; ++i) builder.slots(4, 100).generation(8, 8).cuts(2);  // 16 s each
  const Timeline timeline = builder.build();
  OutputSettings settings = encrypted();
  settings.segments = 100;
  const std::uint64_t first = timeline::key_period_at(16, noon + std::chrono::seconds{44});
  settings.protection = {
      16, {{first, keys_named("1")}, {first + 1, keys_named("2")}, {first + 3, keys_named("4")}}};
  EXPECT_EQ(only(text(render_media(timeline, settings, "v1")), {"#EXT-X-KEY", "#EXT-X-MAP", "g"}),
            "#EXT-X-KEY:V1\n#EXT-X-MAP:URI=\"g1-v1-i1.mp4\"\ng1-v1-1.m4s\ng1-v1-2.m4s\n"
            "#EXT-X-KEY:V2\n#EXT-X-MAP:URI=\"g2-v1-i1.mp4\"\ng2-v1-3.m4s\ng2-v1-4.m4s\n"
            "#EXT-X-MAP:URI=\"g3-v1-i1.mp4\"\ng3-v1-5.m4s\ng3-v1-6.m4s\n"
            "#EXT-X-KEY:V4\n#EXT-X-MAP:URI=\"g4-v1-i1.mp4\"\ng4-v1-7.m4s\ng4-v1-8.m4s\n");
  EXPECT_EQ(only(text(render_media(timeline, settings, "a3")), {"#EXT-X-KEY"}),
            "#EXT-X-KEY:A1\n#EXT-X-KEY:A2\n#EXT-X-KEY:A4\n");
  settings.segments = 3;
  EXPECT_EQ(only(text(render_media(timeline, settings, "v1")), {"#EXT-X-KEY", "g"}),
            "#EXT-X-KEY:V2\ng3-v1-6.m4s\n#EXT-X-KEY:V4\ng4-v1-7.m4s\ng4-v1-8.m4s\n");
  EXPECT_EQ(only(text(render_multivariant(timeline, settings)), {"#EXT-X-SESSION-KEY"}),
            "#EXT-X-SESSION-KEY:V2\n#EXT-X-SESSION-KEY:A2\n#EXT-X-SESSION-KEY:V4\n#EXT-X-SESSION-KEY:A4\n");
}

TEST(RenderKeys, NothingIsOfferedWithoutThem) {
  const Timeline timeline =
      TimelineBuilder{}.stretch(noon, 90'000, ladder()).slots(8, 50).generation(4, 4).cuts(2).build();
  OutputSettings settings = encrypted();
  settings.protection = nullptr;
  EXPECT_EQ(render_media(timeline, settings, "v1").error().code, ErrorCode::not_found);
  EXPECT_EQ(render_multivariant(timeline, settings).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace tarn::hls
