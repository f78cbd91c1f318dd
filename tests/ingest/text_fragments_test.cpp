// SPDX-License-Identifier: Apache-2.0
#include "ingest/text_fragments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/isobmff/cmaf.h"
#include "core/webvtt/sample.h"
#include "tests/support/command.h"
#include "tests/support/shared_files.h"

namespace tarn::ingest {
namespace {

using isobmff::MovieHeader;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using webvtt::FileCue;

MovieHeader header(codecs::Codec codec = codecs::Codec::webvtt, std::uint32_t timescale = 1000,
                   std::string_view record = "WEBVTT\n\nSTYLE\n::cue { color: lime }") {
  auto info = codecs::stream_info_from_config(codec, as_bytes(record));
  EXPECT_TRUE(info.ok());
  info->timescale = timescale;
  MovieHeader made;
  made.tracks.push_back({.id = 1, .info = *info, .language = "und", .defaults = {}, .shift = 0});
  return made;
}

std::string box(std::string_view type, const std::string& payload) {
  const auto size = static_cast<std::uint32_t>(payload.size() + 8);
  std::string made;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) made.push_back(static_cast<char>(size >> shift));
  return made + std::string{type} + payload;
}

std::string cue(const std::string& text, const std::string& id = "") {
  return box("vttc", (id.empty() ? "" : box("iden", id)) + box("payl", text));
}

struct TextSample {
  std::uint32_t duration = 0;
  std::string bytes;
};

Blob fragment(std::int64_t start, const std::vector<TextSample>& samples) {
  isobmff::ChunkHeader chunk{.sequence_number = 1, .base_media_decode_time = start, .samples = {}};
  std::string payload;
  for (const TextSample& sample : samples) {
    chunk.samples.push_back({static_cast<std::uint32_t>(sample.bytes.size()), sample.duration, 0, true});
    payload += sample.bytes;
  }
  ByteVector bytes = isobmff::write_chunk_header(chunk);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return Blob::of(std::move(bytes));
}

TEST(TextFragments, ACueThatGoesOnFromSampleToSampleIsOne) {
  const auto document =
      read_text_fragments(header(), fragment(10'000, {{500, box("vtte", "")},
                                                      {1000, cue("first", "1")},
                                                      {500, cue("first", "1") + cue("second")},
                                                      {500, cue("second")},
                                                      {500, box("vtte", "")},
                                                      {500, cue("second")}}));
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ(document->map, webvtt::TimestampMap{});
  EXPECT_THAT(document->blocks, ElementsAre("STYLE\n::cue { color: lime }"));
  EXPECT_THAT(document->cues, ElementsAre(FileCue{10'500, 12'000, "1", "", "first"},
                                          FileCue{11'500, 12'500, "", "", "second"},
                                          FileCue{13'000, 13'500, "", "", "second"}));
}

// What would end the cue in a file, or begin another one.
TEST(TextFragments, NothingOfACueLooksLikeTheNextOne) {
  const auto document = read_text_fragments(
      header(),
      fragment(0, {{500, box("vttc", box("iden", "a --> b\n") + box("sttg", "line:0\n\nx") +
                                         box("payl", "\none\r\n\r\n00:01.000 --> 00:02.000\ntwo\n"))}}));
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_THAT(document->cues,
              ElementsAre(FileCue{0, 500, "", "line:0", "one\n00:01.000 --&gt; 00:02.000\ntwo"}));
}

TEST(TextFragments, AnIdentifierMayLookLikeABlock) {
  const auto document = read_text_fragments(
      header(), fragment(0, {{500, cue("x", "STYLE")}, {500, cue("y", "X-TIMESTAMP-MAP=")}}));
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_THAT(document->cues,
              ElementsAre(FileCue{0, 500, "STYLE", "", "x"}, FileCue{500, 1000, "", "", "y"}));
}

TEST(TextFragments, TimesAreOfAnyTimescale) {
  const auto document = read_text_fragments(header(codecs::Codec::webvtt, 10'000'000),
                                            fragment(17'000'000'000'000'000, {{25'000'000, cue("now")}}));
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_THAT(document->cues, ElementsAre(FileCue{1'700'000'000'000, 1'700'000'002'500, "", "", "now"}));
}

TEST(TextFragments, WhatCannotBeReadIsRefused) {
  const auto error = [](const MovieHeader& of, const Blob& segment) {
    const auto document = read_text_fragments(of, segment);
    return document.ok() ? std::string{"read"} : document.error().message;
  };
  EXPECT_THAT(error(header(), fragment(0, {{500, "vttc"}})), HasSubstr("wvtt sample"));
  EXPECT_THAT(error(header(codecs::Codec::webvtt, 1), fragment(std::int64_t{1} << 50U, {{500, cue("x")}})),
              HasSubstr("out of range"));
  EXPECT_THAT(error(header(codecs::Codec::opus, 48'000, std::string_view{"\0\2\1\x38\0\0\xbb\x80\0\0\0", 11}),
                    fragment(0, {{500, cue("x")}})),
              HasSubstr("subtitles"));
  EXPECT_THAT(error(header(), Blob{}), HasSubstr("moof"));
  EXPECT_THAT(error(header(), fragment(0, {{500, cue("\xff")}})), HasSubstr("UTF-8"));
  EXPECT_THAT(error(header(), fragment(0, {{500, cue(std::string{"a\0b", 3})}})), HasSubstr("UTF-8"));
}

// What players' developers test with. Texts and times by a look at the bytes with a box viewer.
TEST(TextFragments, StreamsOfOthers) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no vectors";
  const auto load = [&](const char* name) {
    const std::string bytes = test::read_file(*shared / "vectors" / name);
    return Blob::of(ByteVector{bytes.begin(), bytes.end()});
  };
  const auto cues_of = [&](const char* init, const char* segment) {
    const auto head = isobmff::read_movie_header(load(init).bytes());
    EXPECT_TRUE(head.ok()) << init << ": " << head.error().message;
    if (!head.ok()) return std::vector<FileCue>{};
    EXPECT_TRUE(is_text_header(*head));
    const auto document = read_text_fragments(*head, load(segment));
    EXPECT_TRUE(document.ok()) << segment << ": " << document.error().message;
    return document.ok() ? document->cues : std::vector<FileCue>{};
  };
  const auto cues = cues_of("text/vtt-init.mp4", "text/vtt-segment.mp4");
  ASSERT_THAT(cues, SizeIs(2));
  EXPECT_EQ(cues[0].payload, "It has shed much innocent blood.");
  EXPECT_EQ(cues[0].end - cues[0].start, 4000);
  EXPECT_EQ(cues[1].payload, "You're a fool for traveling alone,\nso completely unprepared.");
  const auto settings = cues_of("text/vtt-init.mp4", "text/vtt-segment-settings.mp4");
  ASSERT_THAT(settings, SizeIs(2));
  EXPECT_NE(settings[0].settings, "");
  EXPECT_THAT(cues_of("text/vtt-init.mp4", "text/vtt-segment-no-duration.mp4"), SizeIs(10));
  // its trun's data_offset is 16 bytes too far: players that pass over the field read it, and we do not guess
  const auto misplaced = read_text_fragments(*isobmff::read_movie_header(load("text/vtt-init.mp4").bytes()),
                                             load("text/vtt-segment-multi-payload.mp4"));
  ASSERT_FALSE(misplaced.ok());
  EXPECT_THAT(misplaced.error().message, HasSubstr("wvtt sample"));
  EXPECT_THAT(cues_of("ts-odd/test-webvtt-init.mp4", "ts-odd/test-webvtt.m4s"), SizeIs(2));
  for (const char* other : {"text/ttml-init.mp4", "text/imsc-image-init.cmft"}) {
    const auto refused = isobmff::read_movie_header(load(other).bytes());
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_THAT(refused.error().message, HasSubstr("stpp"));
  }
}

}  // namespace
}  // namespace tarn::ingest
