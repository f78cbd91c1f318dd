// SPDX-License-Identifier: Apache-2.0
#include "core/hls/playlist.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn::hls {
namespace {

using std::chrono::milliseconds;

MediaPlaylist media(std::string_view text) {
  auto parsed = parse_media(text);
  if (!parsed.ok()) {
    ADD_FAILURE() << parsed.error().message << "\n" << text;
    return {};
  }
  return std::move(parsed).value();
}

std::string media_error(std::string_view text, const Limits& limits = {}) {
  const auto parsed = parse_media(text, limits);
  return parsed.ok() ? "" : parsed.error().message;
}

std::string multivariant_error(std::string_view text) {
  const auto parsed = parse_multivariant(text);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(ParseMedia, ReadsWhatFfmpegSends) {
  const auto playlist = media(
      "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n"
      "#EXT-X-INDEPENDENT-SEGMENTS\n#EXTINF:2.000000,\n"
      "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T16:32:44.233+0000\nhd-7.ts\n"
      "#EXTINF:1.960000,\nhd-8.ts\n");
  EXPECT_EQ(playlist.version, 6U);
  EXPECT_EQ(playlist.target_duration, 2U);
  EXPECT_EQ(playlist.media_sequence, 7U);
  EXPECT_TRUE(playlist.independent_segments);
  EXPECT_FALSE(playlist.end_list);
  ASSERT_EQ(playlist.segments.size(), 2U);
  EXPECT_EQ(playlist.segments[0].uri, "hd-7.ts");
  EXPECT_EQ(playlist.segments[0].duration, Microseconds{2'000'000});
  EXPECT_EQ(playlist.segments[0].program_date_time, *parse_utc("2026-11-22T16:32:44.233Z"));
  EXPECT_EQ(playlist.segments[1].duration, Microseconds{1'960'000});
  EXPECT_FALSE(playlist.segments[1].program_date_time.has_value());
}

TEST(ParseMedia, TakesBothFormsOfTheDateOffset) {
  for (const auto* date : {"2026-11-22T17:32:44.233+0100", "2026-11-22T17:32:44.233+01:00"}) {
    const auto playlist = media(std::string{"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PROGRAM-DATE-TIME:"} +
                                date + "\n#EXTINF:2,\na.ts\n");
    ASSERT_EQ(playlist.segments.size(), 1U);
    EXPECT_EQ(playlist.segments[0].program_date_time, *parse_utc("2026-11-22T16:32:44.233Z")) << date;
  }
}

TEST(ParseMedia, DurationsAreExactMicroseconds) {
  const struct {
    const char* text;
    std::int64_t microseconds;
    int decimals;
  } cases[] = {{"2", 2'000'000, 0},
               {"2.002", 2'002'000, 3},
               {"0.1", 100'000, 1},
               {"4.040267", 4'040'267, 6},
               {"1.9600000381469727", 1'960'000, 6},
               {"1.9999999", 2'000'000, 6},
               {"16777217.123457", 16'777'217'123'457, 6}};
  for (const auto& c : cases) {
    const auto playlist =
        media(std::string{"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:"} + c.text + ",t\na.ts\n");
    ASSERT_EQ(playlist.segments.size(), 1U) << c.text;
    EXPECT_EQ(playlist.segments[0].duration.count(), c.microseconds) << c.text;
    EXPECT_EQ(playlist.segments[0].duration_decimals, c.decimals) << c.text;
  }
}

TEST(ParseMedia, KeepsWhatStandsBeforeASegmentWithIt) {
  const auto playlist = media(
      "#EXTM3U\r\n#EXT-X-VERSION: 10\r\n#EXT-X-TARGETDURATION:5\r\n#EXT-X-DISCONTINUITY-SEQUENCE:3\r\n"
      "#EXT-X-PLAYLIST-TYPE:EVENT\r\n## a comment\r\n\r\n#EXT-X-MAP:URI=\"init.mp4\"\r\n"
      "#EXTINF:4.004,\t\r\n#EXT-X-BITRATE:377\r\n1.m4s\r\n"
      "#EXT-X-GAP\r\n#EXTINF:4.004, Title, with comma\r\n2.m4s\r\n"
      "#EXT-X-DISCONTINUITY\r\n#EXT-X-MAP:URI=\"init2.mp4\"\r\n#EXTINF:4.004\r\n3.m4s\r\n#EXT-X-ENDLIST");
  ASSERT_EQ(playlist.segments.size(), 3U);
  EXPECT_EQ(playlist.version, 10U);
  EXPECT_EQ(playlist.discontinuity_sequence, 3U);
  EXPECT_EQ(playlist.playlist_type, "EVENT");
  EXPECT_TRUE(playlist.end_list);
  EXPECT_EQ(playlist.segments[0].map, Map{"init.mp4"});
  EXPECT_FALSE(playlist.segments[0].gap);
  EXPECT_TRUE(playlist.segments[1].gap);
  EXPECT_EQ(playlist.segments[1].title, "Title, with comma");
  EXPECT_FALSE(playlist.segments[1].map.has_value());
  EXPECT_TRUE(playlist.segments[2].discontinuity);
  EXPECT_EQ(playlist.segments[2].map, Map{"init2.mp4"});
}

TEST(ParseMedia, AKeyHoldsUntilTheNextOne) {
  const auto playlist = media(
      "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:2,\n1.ts\n"
      "#EXTINF:2,\n2.ts\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:2,\n3.ts\n");
  ASSERT_EQ(playlist.segments.size(), 3U);
  EXPECT_TRUE(playlist.segments[0].encrypted);
  EXPECT_TRUE(playlist.segments[1].encrypted);
  EXPECT_FALSE(playlist.segments[2].encrypted);
}

TEST(ParseMedia, APlaylistWithoutSegmentsIsOne) {
  const auto playlist = media("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"i\"\n");
  EXPECT_TRUE(playlist.segments.empty());
}

TEST(ParseMedia, ErrorsNameTheLineAndTheReason) {
  const std::string head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";
  const struct {
    std::string text;
    std::string message;
  } cases[] = {
      {"", "line 1: not a playlist: #EXTM3U is missing"},
      {"\xEF\xBB\xBF#EXTM3U\n", "line 1: not a playlist: #EXTM3U is missing"},
      {"#EXTM3U8\n", "line 1: not a playlist: #EXTM3U is missing"},
      {"#EXTM3U\n#EXTINF:2,\na.ts\n", "playlist: EXT-X-TARGETDURATION is missing"},
      {head + "#EXTINF:x,\na.ts\n", "line 3: EXTINF: not a duration: \"x\""},
      {head + "#EXTINF:-1,\na.ts\n", "line 3: EXTINF: not a duration: \"-1\""},
      {head + "#EXTINF:1e3,\na.ts\n", "line 3: EXTINF: not a duration: \"1e3\""},
      {head + "#EXTINF:1.2.3,\na.ts\n", "line 3: EXTINF: not a duration: \"1.2.3\""},
      {head + "#EXTINF:,\na.ts\n", "line 3: EXTINF: not a duration: \"\""},
      {head + "#EXTINF:9999999999,\na.ts\n", "line 3: EXTINF: not a duration: \"9999999999\""},
      {head + "#EXTINF:2,\n#EXTINF:2,\na.ts\n", "line 3: EXTINF: no URI follows"},
      {head + "#EXTINF:2,\n", "line 3: EXTINF: no URI follows"},
      {head + "a.ts\n", "line 3: URI without EXTINF: \"a.ts\""},
      {head + "#EXT-X-TARGETDURATION:2\n", "line 3: EXT-X-TARGETDURATION: appears twice"},
      {"#EXTM3U\n#EXT-X-TARGETDURATION:2.5\n", "line 2: EXT-X-TARGETDURATION: not a number: \"2.5\""},
      {head + "#EXT-X-MEDIA-SEQUENCE:-1\n", "line 3: EXT-X-MEDIA-SEQUENCE: not a number: \"-1\""},
      {head + "#EXTINF:2,\na.ts\n#EXT-X-MEDIA-SEQUENCE:1\n",
       "line 5: EXT-X-MEDIA-SEQUENCE: after the first segment"},
      {head + "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n",
       "line 4: EXT-X-DISCONTINUITY-SEQUENCE: after the first segment or EXT-X-DISCONTINUITY"},
      {head + "#EXT-X-PROGRAM-DATE-TIME:yesterday\n",
       "line 3: EXT-X-PROGRAM-DATE-TIME: not an ISO 8601 time with offset: \"yesterday\""},
      {head + "#EXT-X-PROGRAM-DATE-TIME:0000-01-01T00:00:00+01\n",
       "line 3: EXT-X-PROGRAM-DATE-TIME: out of range: \"0000-01-01T00:00:00+01\""},
      {head + "#EXT-X-MAP:URI=init.mp4\n", "line 3: EXT-X-MAP: URI: not a quoted string: \"init.mp4\""},
      {head + "#EXT-X-MAP:URI=\"init.mp4\n", "line 3: EXT-X-MAP: URI: the closing quote is missing"},
      {head + "#EXT-X-KEY:URI=\"k\"\n", "line 3: EXT-X-KEY: METHOD: is missing"},
      {head + "#EXT-X-STREAM-INF:BANDWIDTH=1\n",
       "line 3: EXT-X-STREAM-INF: a multivariant playlist's tag in a media playlist"},
      {head + "a\x01\n", "line 3: a control character"},
      {head + "a\xC0\xAF\n", "line 3: not UTF-8"},
      {head + "\xED\xA0\x80\n", "line 3: not UTF-8"},
      {head + "\xF4\x90\x80\x80\n", "line 3: not UTF-8"},
      {head + "\xE2\x82", "line 3: not UTF-8"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(media_error(c.text), c.message) << c.text;
    EXPECT_EQ(parse_media(c.text).error().code, ErrorCode::malformed) << c.text;
  }
}

TEST(ParseMedia, WhatWouldChangeItsMeaningIsUnsupported) {
  for (const auto* tag : {"#EXT-X-BYTERANGE:100@0", "#EXT-X-I-FRAMES-ONLY", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3",
                          "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"", "#EXT-X-MAP:URI=\"a\",BYTERANGE=\"7@0\""}) {
    const auto parsed = parse_media(std::string{"#EXTM3U\n#EXT-X-TARGETDURATION:2\n"} + tag + "\n");
    ASSERT_FALSE(parsed.ok()) << tag;
    EXPECT_EQ(parsed.error().code, ErrorCode::unsupported) << tag;
  }
}

TEST(ParseMedia, RefusesMoreThanTheLimits) {
  const std::string text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n";
  EXPECT_EQ(media_error(text, {.bytes = text.size() - 1}), "playlist: longer than 47 bytes");
  EXPECT_EQ(media_error(text, {.lines = 3}), "line 4: more than 3 lines");
  EXPECT_EQ(media_error(text, {.line_bytes = 20}), "line 2: longer than 20 bytes");
  EXPECT_EQ(media_error(text, {.bytes = text.size(), .lines = 4, .line_bytes = 24}), "");
}

TEST(ParseMedia, AQuoteInAnErrorIsCutBetweenCharacters) {
  std::string long_uri;
  for (int i = 0; i < 50; ++i) long_uri += "\xC3\xA9";
  const auto message = media_error("#EXTM3U\n#EXT-X-TARGETDURATION:2\n" + long_uri + "\n");
  EXPECT_EQ(message, "line 3: URI without EXTINF: \"" + long_uri.substr(0, 60) + "…\"");
}

TEST(ParseMultivariant, ReadsVariantsAndRenditions) {
  const auto parsed = parse_multivariant(
      "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
      "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio.m3u8\",GROUP-ID=\"aud\",NAME=\"en\",LANGUAGE=\"en\",DEFAULT=NO,"
      "AUTOSELECT=YES,CHANNELS=\"2\"\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=785323,AVERAGE-BANDWIDTH=743459,CODECS=\"avc1.4d401e,mp4a.40.2\","
      "RESOLUTION=640x360,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO=\"aud\",CLOSED-CAPTIONS=NONE\n\nvideo."
      "m3u8\n");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->version, 6U);
  EXPECT_TRUE(parsed->independent_segments);
  const Media expected_media{.type = "AUDIO",
                             .group_id = "aud",
                             .name = "en",
                             .language = "en",
                             .uri = "audio.m3u8",
                             .is_default = false,
                             .is_autoselect = true,
                             .is_forced = false,
                             .channels = "2",
                             .characteristics = "",
                             .instream_id = ""};
  ASSERT_EQ(parsed->media.size(), 1U);
  EXPECT_EQ(parsed->media[0], expected_media);
  const StreamInf expected_variant{.bandwidth = 785'323,
                                   .average_bandwidth = 743'459,
                                   .codecs = "avc1.4d401e,mp4a.40.2",
                                   .resolution = Resolution{640, 360},
                                   .frame_rate_millis = 29'970,
                                   .video_range = "SDR",
                                   .audio = "aud",
                                   .subtitles = "",
                                   .closed_captions = "NONE",
                                   .uri = "video.m3u8"};
  ASSERT_EQ(parsed->variants.size(), 1U);
  EXPECT_EQ(parsed->variants[0], expected_variant);
}

TEST(ParseMultivariant, ATagWithAnUnknownEnumeratedValueIsPassedOver) {
  const auto parsed = parse_multivariant(
      "#EXTM3U\n#EXT-X-MEDIA:TYPE=SMELL,GROUP-ID=\"a\",NAME=\"b\"\n"
      "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\",DEFAULT=MAYBE\n"
      "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"c\",X-NEW=\"1,2\", FORCED=NO\n");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  ASSERT_EQ(parsed->media.size(), 1U);
  EXPECT_EQ(parsed->media[0].name, "c");
}

TEST(ParseMultivariant, ErrorsNameTheLineAndTheReason) {
  const struct {
    std::string line;
    std::string message;
  } cases[] = {
      {"#EXT-X-STREAM-INF:RESOLUTION=1x1\na", "EXT-X-STREAM-INF: BANDWIDTH: is missing"},
      {"#EXT-X-STREAM-INF:BANDWIDTH=fast\na", "EXT-X-STREAM-INF: BANDWIDTH: not a whole number: \"fast\""},
      {"#EXT-X-STREAM-INF:BANDWIDTH=18446744073709551616\na",
       "EXT-X-STREAM-INF: BANDWIDTH: not a whole number: \"18446744073709551616\""},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1,BANDWIDTH=2\na", "EXT-X-STREAM-INF: BANDWIDTH: appears twice"},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640\na",
       "EXT-X-STREAM-INF: RESOLUTION: not a resolution: \"640\""},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1,FRAME-RATE=-25\na",
       "EXT-X-STREAM-INF: FRAME-RATE: not a decimal number: \"-25\""},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1,CLOSED-CAPTIONS=cc\na",
       "EXT-X-STREAM-INF: CLOSED-CAPTIONS: neither a quoted string nor NONE: \"cc\""},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1,codecs=\"a\"\na",
       "EXT-X-STREAM-INF: not an attribute: \"codecs=\"a\"\""},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a\"b\na",
       "EXT-X-STREAM-INF: CODECS: text after the closing quote: \"b\""},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\na", "EXT-X-STREAM-INF: AUDIO: has no value"},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1", "EXT-X-STREAM-INF: no URI follows"},
      {"#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:BANDWIDTH=2\na", "EXT-X-STREAM-INF: no URI follows"},
      {"#EXT-X-MEDIA:GROUP-ID=\"a\",NAME=\"b\"", "EXT-X-MEDIA: TYPE: is missing"},
      {"#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"b\"", "EXT-X-MEDIA: GROUP-ID: is missing"},
      {"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"\",NAME=\"b\"", "EXT-X-MEDIA: GROUP-ID: is empty"},
      {"#EXT-X-VERSION:six", "EXT-X-VERSION: not a version: \"six\""},
      {"lonely.m3u8", "URI without EXT-X-STREAM-INF: \"lonely.m3u8\""},
      {"#EXTINF:2,", "EXTINF: a media playlist's tag in a multivariant playlist"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(multivariant_error("#EXTM3U\n" + c.line + "\n"), "line 2: " + c.message);
  }
}

TEST(Classify, GoesByTheTags) {
  EXPECT_EQ(*classify("#EXTM3U\n#EXT-X-TARGETDURATION:1\n"), PlaylistKind::media);
  EXPECT_EQ(*classify("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"), PlaylistKind::multivariant);
  EXPECT_EQ(*classify("#EXTM3U\n#EXT-X-MEDIA:x\n"), PlaylistKind::multivariant);
  for (const auto* text : {"", "hello", "#EXTM3U\n", "#EXTM3U\na.ts\n",
                           "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXTINF:2,\nb\n"}) {
    const auto kind = classify(text);
    ASSERT_FALSE(kind.ok()) << text;
    EXPECT_EQ(kind.error().code, ErrorCode::malformed);
  }
}

TEST(Write, MediaPlaylistHasItsTagsInOrder) {
  MediaPlaylist playlist;
  playlist.version = 7;
  playlist.target_duration = 6;
  playlist.media_sequence = 12;
  playlist.discontinuity_sequence = 2;
  playlist.independent_segments = true;
  playlist.end_list = true;
  playlist.segments.push_back({.uri = "a.m4s",
                               .duration = Microseconds{5'999'996},
                               .duration_decimals = 5,
                               .title = "",
                               .discontinuity = true,
                               .gap = true,
                               .program_date_time = Utc{} + milliseconds{1'700'000'000'123},
                               .map = Map{"i.mp4"},
                               .encrypted = false});
  EXPECT_EQ(write(playlist),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:12\n"
            "#EXT-X-DISCONTINUITY-SEQUENCE:2\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-DISCONTINUITY\n"
            "#EXT-X-MAP:URI=\"i.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.123Z\n#EXT-X-GAP\n"
            "#EXTINF:6.00000,\na.m4s\n#EXT-X-ENDLIST\n");
}

TEST(Write, NothingEscapesFromAnAttribute) {
  MultivariantPlaylist playlist;
  playlist.media.push_back({.type = "AUDIO",
                            .group_id = "g",
                            .name = "a\"\n#EXT-X-ENDLIST\r",
                            .language = "",
                            .uri = "u",
                            .is_default = false,
                            .is_autoselect = false,
                            .is_forced = false,
                            .channels = "",
                            .characteristics = "",
                            .instream_id = ""});
  EXPECT_EQ(write(playlist),
            "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"a#EXT-X-ENDLIST\",DEFAULT=NO,"
            "AUTOSELECT=NO,URI=\"u\"\n");
}

}  // namespace
}  // namespace tarn::hls
