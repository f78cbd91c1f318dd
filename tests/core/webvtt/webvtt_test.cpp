// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/webvtt/segment.h"

namespace tarn::webvtt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t second = 90'000;

Document parsed(std::string_view text) {
  auto document = parse_document(text);
  EXPECT_TRUE(document.ok()) << document.error().message;
  return document.ok() ? *document : Document{};
}

TEST(WebVtt, ACueMayBeCalledStyle) {
  const auto document = parse_document("WEBVTT\n\nSTYLE\n00:01.000 --> 00:02.000\nx\n");
  ASSERT_TRUE(document.ok());
  ASSERT_EQ(document->cues.size(), 1U);
  EXPECT_EQ(document->cues[0].id, "STYLE");
  EXPECT_TRUE(document->blocks.empty());
}

TEST(Document, ReadsWhatEncodersWrite) {
  const Document document = parsed(
      "\xef\xbb\xbfWEBVTT some title\r\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:01.500\r\n\r\n"
      "NOTE nothing to see\r\n00:01.000 is no cue\r\n\r\n"
      "STYLE\r\n::cue { color: lime }\r\n\r\n"
      "1\r\n00:01.000 --> 00:02.500 line:0 align:start\r\nHello\r\n<i>there</i>\r\n\r\n"
      "100:00:00.000  -->  100:00:01.000\r\n\xc3\xa9\r\n");
  EXPECT_EQ(document.map, (TimestampMap{1500, 900'000}));
  EXPECT_THAT(document.blocks, ElementsAre("STYLE\n::cue { color: lime }"));
  EXPECT_THAT(document.cues,
              ElementsAre(FileCue{1000, 2500, "1", "line:0 align:start", "Hello\n<i>there</i>"},
                          FileCue{360'000'000, 360'001'000, "", "", "\xc3\xa9"}));
  EXPECT_TRUE(parsed("WEBVTT").cues.empty());
  EXPECT_EQ(parsed("WEBVTT\n\nX-TIMESTAMP-MAP=LOCAL:01:00:00.000,MPEGTS:8589934593\n").map,
            (TimestampMap{3'600'000, 1}))
      << "behind an empty line, and beyond 33 bits";
}

TEST(Document, PassesOverWhatIsWrongAndGoesOn) {
  const Document document = parsed(
      "WEBVTT\n\n00:03.000 --> 00:02.000\nbackwards\n\n0:1.000 --> 00:02.000\nno time\n\n"
      "00:01.000 --> 00:02.000x\nno settings\n\n00:61.000 --> 01:02.000\nno second\n\n"
      "id\nid again\n00:01.000 --> 00:02.000\nwhat\n\n"
      "00:04.000 --> 00:05.000\none\n00:05.000 --> 00:06.000\ntwo\n");
  ASSERT_EQ(document.cues.size(), 2U);
  EXPECT_EQ(document.cues[0].payload, "one");
  EXPECT_EQ(document.cues[1].payload, "two");
}

TEST(Document, RefusesWhatIsNoWebVtt) {
  EXPECT_THAT(parse_document("<html>").error().message, HasSubstr("does not begin with WEBVTT"));
  EXPECT_THAT(parse_document("WEBVTTX").error().message, HasSubstr("does not begin with WEBVTT"));
  EXPECT_THAT(parse_document("WEBVTT\n\n\xff").error().message, HasSubstr("is not UTF-8"));
  EXPECT_THAT(parse_document("WEBVTT \xed\xa0\x80").error().message, HasSubstr("is not UTF-8"));
  EXPECT_THAT(parse_document("WEBVTT \xc3").error().message, HasSubstr("is not UTF-8"));
  EXPECT_THAT(parse_document("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:x\n").error().message,
              HasSubstr("X-TIMESTAMP-MAP"));
  std::string many = "WEBVTT\n";
  for (int i = 0; i < 2001; ++i) many += "\n00:01.000 --> 00:02.000\nx\n";
  EXPECT_EQ(parse_document(many).error().code, ErrorCode::limit);
}

TEST(PlaceCues, GoesByTheTimestampMapAroundTheWrap) {
  const std::int64_t period = std::int64_t{1} << 33U;
  const Document document = parsed(
      "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:8589900000,LOCAL:01:00:00.000\n\n01:00:01.000 --> 01:00:02.000\nx\n");
  const auto cues = place_cues(document, 0, 3 * period);
  ASSERT_EQ(cues.size(), 1U);
  EXPECT_EQ(cues[0].start, 2 * period + 8'589'900'000 + second);
  EXPECT_EQ(cues[0].end - cues[0].start, second);
  EXPECT_EQ(place_cues(document, second, 3 * period)[0].start, cues[0].start + second);
  EXPECT_EQ(place_cues(parsed("WEBVTT\n\n00:01.000 --> 00:02.000\nx\n"), 0, period)[0].start, period + second)
      << "without a map 0 is 0";
}

std::vector<Cue> two_cues() {
  return {{10 * second, 12 * second, "a", "line:1", "one"}, {11 * second, 11 * second + 1, "", "", "two"}};
}

TEST(Samples, CoverTheTimeExactlyAndKeepWholeCues) {
  ByteVector data;
  const auto samples = write_samples(two_cues(), {"STYLE\nx"}, 9 * second + 100, 11 * second + 200, data);
  std::int64_t at = 9 * second + 100;
  std::vector<Cue> found;
  std::vector<std::string> blocks;
  for (const Sample& sample : samples) {
    EXPECT_EQ(sample.start, at);
    EXPECT_GT(sample.duration, 0);
    EXPECT_LE(sample.duration, longest_sample);
    at += sample.duration;
    std::vector<Cue> here;
    const Bytes bytes = Bytes{data}.subspan(sample.offset, sample.size);
    ASSERT_TRUE(read_sample(bytes, sample.start, sample.duration, here, blocks).ok());
    const bool shows_one = sample.start >= 10 * second;
    const bool shows_two = sample.start == 11 * second;
    EXPECT_EQ(here.size(), (shows_one ? 1U : 0U) + (shows_two ? 1U : 0U)) << sample.start;
    ASSERT_TRUE(read_sample(bytes, sample.start, sample.duration, found, blocks).ok());
  }
  EXPECT_EQ(at, 11 * second + 200);
  EXPECT_EQ(found, two_cues()) << "the second ends beyond what the samples cover";
  EXPECT_THAT(blocks, ElementsAre("STYLE\nx"));
  EXPECT_EQ(as_text(Bytes{data}.subspan(samples.back().offset + 4, 4)), "vttc");
}

TEST(Samples, OfNothingAreEmptyCues) {
  ByteVector data;
  const auto samples = write_samples({}, {}, 0, longest_sample * 2, data);
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(as_text(Bytes{data}.subspan(4, 4)), "vtte");
  EXPECT_EQ(data.size(), 16U);
}

TEST(Samples, BombsStayBounded) {
  std::vector<Cue> cues;
  for (int i = 0; i < 2000; ++i) cues.push_back({i, 600 * second - i, "", "", std::string(2000, 'x')});
  ByteVector data;
  const auto samples = write_samples(cues, {}, 0, 600 * second, data);
  EXPECT_LT(data.size(), 5U << 20U);
  EXPECT_EQ(samples.back().start + samples.back().duration, 600 * second);
}

TEST(Samples, DamagedOnesAreRefused) {
  std::vector<Cue> cues;
  std::vector<std::string> blocks;
  for (const ByteVector& bad :
       {ByteVector{0, 0, 0, 9, 'v', 't', 't', 'e'}, ByteVector{0, 0, 0, 7, 'v', 't', 't', 'e'},
        ByteVector{0, 0}, ByteVector{0, 0, 0, 12, 'v', 't', 't', 'c', 0, 0, 0, 1}}) {
    EXPECT_FALSE(read_sample(bad, 0, 1, cues, blocks).ok());
  }
  EXPECT_TRUE(cues.empty());
}

TEST(Segment, HasEveryCueThatOverlapsItWithItsWholeTimes) {
  const std::int64_t base = std::int64_t{3} << 33U;
  const std::string head = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n";
  std::vector<Cue> cues = two_cues();
  for (Cue& cue : cues) {
    cue.start += base;
    cue.end += base;
  }
  cues.push_back(cues.front());
  EXPECT_EQ(write_segment(cues, {"STYLE\nx"}, base + 8 * second, base + 11 * second),
            head + "\nSTYLE\nx\n\na\n00:00:10.000 --> 00:00:12.000 line:1\none\n");
  EXPECT_EQ(write_segment(cues, {}, base + 11 * second, base + 14 * second),
            head + "\na\n00:00:10.000 --> 00:00:12.000 line:1\none\n\n00:00:11.000 --> 00:00:11.000\ntwo\n");
  EXPECT_EQ(write_segment(cues, {}, base + 20 * second, base + 22 * second), head);
}

TEST(Segment, AcrossTheWrapTimesGoOn) {
  const std::int64_t wrap = std::int64_t{1} << 33U;
  const std::vector<Cue> cues{{wrap - second, wrap + second, "", "", "x"}};
  EXPECT_THAT(write_segment(cues, {}, wrap - 2 * second, wrap + second),
              HasSubstr("26:30:42.718 --> 26:30:44.718\nx"));
  EXPECT_THAT(write_segment(cues, {}, wrap, wrap + 2 * second),
              HasSubstr("00:00:00.000 --> 00:00:01.000\nx"));
}

}  // namespace
}  // namespace tarn::webvtt
