// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/metadata_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/mpegts/demuxer.h"
#include "core/mpegts/segment_writer.h"
#include "core/mpegts/splice_info.h"
#include "tests/core/mpegts/demuxed_units.h"
#include "tests/core/mpegts/id3_builder.h"
#include "tests/core/mpegts/transport_rules.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::ElementsAre;

constexpr std::uint16_t tag_pid = 0x120;
constexpr std::uint16_t cue_pid = 0x121;
constexpr std::int64_t wrap = std::int64_t{1} << 33U;

// metadata_descriptor of ISO/IEC 13818-1 2.6.60, as in Apple's Timed Metadata for HTTP Live Streaming
ByteVector id3_descriptor() { return *parse_hex("260dffff49443320ff49443320000f"); }

// time_signal() and splice_insert() of SCTE 35, without CRC.
ByteVector time_signal(std::uint64_t time, std::uint64_t adjustment = 0) {
  ByteVector section = *parse_hex(
      "fc3016"
      "00"
      "0000000000"
      "00"
      "fff005"
      "06"
      "fe00000000"
      "0000");
  section[4] = static_cast<std::uint8_t>(adjustment >> 32U);
  section[14] = static_cast<std::uint8_t>(0xFEU | time >> 32U);
  Writer writer{section};
  writer.patch_u32(5, static_cast<std::uint32_t>(adjustment));
  writer.patch_u32(15, static_cast<std::uint32_t>(time));
  return section;
}
// out of network, the whole programme, with a break of 30 s
ByteVector splice_insert(bool immediate) {
  return immediate ? *parse_hex(
                         "fc3020"
                         "00"
                         "0000000000"
                         "00"
                         "fff00f"
                         "05"
                         "0000002a7f"
                         "ff"
                         "fe002932e0"
                         "000100ff"
                         "0000")
                   : *parse_hex(
                         "fc3025"
                         "00"
                         "0000000000"
                         "00"
                         "fff014"
                         "05"
                         "0000002a7f"
                         "ef"
                         "fe00015f90"
                         "fe002932e0"
                         "000100ff"
                         "0000");
}
ByteVector with_crc(ByteVector section) {
  const std::uint32_t crc = section_crc(section);
  Writer{section}.u32(crc);
  return section;
}
ByteVector tag(std::uint8_t number, std::size_t size = 10) {
  return id3_tag(id3_frame("TXXX", ByteVector(size, number)));
}

void add_tables(TsBuilder& ts) {
  ts.tables({{type_h264, video_pid}, {0x15, tag_pid, {}, id3_descriptor()}, {0x86, cue_pid}});
}

TEST(SpliceInfo, KnowsTheTimesOfItsCommands) {
  const auto signal = parse_splice_info(with_crc(time_signal(0x1FFFFFFFF, 2)));
  ASSERT_TRUE(signal.ok());
  EXPECT_EQ(signal->time, 1) << "pts_adjustment wraps";
  EXPECT_FALSE(signal->is_idle);
  const auto insert = parse_splice_info(with_crc(splice_insert(false)));
  ASSERT_TRUE(insert.ok());
  EXPECT_EQ(insert->time, 90'000);
  EXPECT_EQ(insert->duration, 2'700'000U);
  const auto now = parse_splice_info(with_crc(splice_insert(true)));
  ASSERT_TRUE(now.ok());
  EXPECT_FALSE(now->time);
  EXPECT_EQ(now->duration, 2'700'000U);
  const ByteVector null = write_splice_null();
  EXPECT_EQ(section_crc(null), 0U);
  EXPECT_EQ(null.size(), 20U);
  EXPECT_TRUE(parse_splice_info(null)->is_idle);
  EXPECT_EQ(parse_splice_info(*parse_hex("02b00d")).error().code, ErrorCode::unsupported);
  const ByteVector whole = time_signal(1);
  for (std::size_t size = 5; size < 19; ++size) {
    EXPECT_FALSE(parse_splice_info(Bytes{whole}.first(size)).ok()) << size;
  }
}

TEST(SpliceInfo, IsBroughtToAnotherTimeByItsAdjustment) {
  const ByteVector section = with_crc(time_signal(90'000, 7));
  EXPECT_EQ(retimed(section, 90'007), section);
  const ByteVector moved = retimed(section, wrap - 1);
  EXPECT_EQ(parse_splice_info(moved)->time, wrap - 1);
  EXPECT_EQ(section_crc(moved), 0U);
  EXPECT_EQ(Bytes{moved}.subspan(9, 10).size(), 10U);
  EXPECT_TRUE(std::equal(section.begin() + 9, section.end() - 4, moved.begin() + 9))
      << "nothing else changes";
  const ByteVector immediate = with_crc(splice_insert(true));
  EXPECT_EQ(retimed(immediate, 5), immediate);
}

TEST(Demux, TagsGoWithThePictureOfTheirTime) {
  TsBuilder ts;
  add_tables(ts);
  add_gop(ts, wrap - 7200, 2);
  ts.pes(tag_pid, tag(1), {.stream_id = 0xBD, .pts = wrap - 3600 + 5, .bounded = true});
  ts.pes(tag_pid, joined({tag(2), tag(3, 400)}), {.stream_id = 0xBD, .pts = 3000, .bounded = true});
  ts.pes(tag_pid, ByteVector{1, 2, 3}, {.stream_id = 0xBD, .pts = 3001, .bounded = true});  // no tag
  add_gop(ts, 0, 2);
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_TRUE(segment.ignored.empty());
  EXPECT_EQ(segment.damaged_packets + segment.continuity_errors, 0U);
  const auto& stream = segment.streams.at(0);
  ASSERT_EQ(stream.units.size(), 4U);
  ASSERT_EQ(stream.events.size(), 2U);
  EXPECT_EQ(stream.events[0].unit, 1U);
  EXPECT_EQ(stream.events[0].message.data, tag(1));
  EXPECT_EQ(stream.events[0].message.delta, 5 - 7200) << "pictures are shown 7200 after they are decoded";
  EXPECT_EQ(stream.events[0].message.scheme_id_uri, "https://aomedia.org/emsg/ID3");
  EXPECT_EQ(stream.events[1].unit, 2U);
  EXPECT_EQ(stream.events[1].message.data, joined({tag(2), tag(3, 400)}));
  EXPECT_EQ(stream.events[1].message.delta, 3000 - 7200);
  EXPECT_NE(stream.events[0].message.id, stream.events[1].message.id);
}

TEST(Demux, SplicesGoWithThePictureTheyWereSentWith) {
  TsBuilder ts;
  add_tables(ts);
  add_gop(ts, 900'000, 3);
  ts.section(cue_pid, time_signal(900'000 + 360'000));
  add_gop(ts, 900'000 + 10'800, 1);
  ts.section(cue_pid, splice_insert(true));
  ts.section(cue_pid, time_signal(1, 0), 0xFF);  // damaged
  const ByteVector null = write_splice_null();
  ts.section(cue_pid, {null.begin(), null.end() - 4});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.damaged_packets, 1U);
  const auto& events = segment.streams.at(0).events;
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].unit, 2U);
  EXPECT_EQ(events[0].message.scheme_id_uri, "urn:scte:scte35:2013:bin");
  EXPECT_EQ(events[0].message.data, with_crc(time_signal(900'000 + 360'000)));
  EXPECT_EQ(events[0].message.delta, 360'000 - 7200 - 7200) << "less what the third picture is shown at";
  EXPECT_EQ(events[0].message.duration, codecs::unknown_event_duration);
  EXPECT_EQ(events[1].unit, 3U);
  EXPECT_EQ(events[1].message.delta, 0) << "at once";
  EXPECT_EQ(events[1].message.duration, 2'700'000U);
}

TEST(Demux, RepeatedSplicesHaveOneNumber) {
  TsBuilder ts;
  add_tables(ts);
  for (int i = 0; i < 3; ++i) {
    add_gop(ts, 900'000 + 3600 * i, 1);
    ts.section(cue_pid, time_signal(1'300'000));
  }
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  const auto& events = segment.streams.at(0).events;
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].message.id, events[2].message.id);
}

TEST(Demux, EventsAreBounded) {
  TsBuilder ts;
  add_tables(ts);
  add_gop(ts, 0, 1);
  for (int i = 0; i < 400; ++i) ts.section(cue_pid, time_signal(static_cast<std::uint64_t>(i)));
  EXPECT_EQ(demuxed(ts.bytes()).streams.at(0).events.size(), codecs::max_events);
}

TEST(Demux, WithoutVideoTheyGoWithTheSound) {
  TsBuilder ts;
  ts.tables({{type_aac, audio_pid}, {0x15, tag_pid, {}, id3_descriptor()}});
  const ByteVector frame = adts_frame(ByteVector(40, 1));
  ts.pes(audio_pid, joined({frame, frame}), {.stream_id = 0xC0, .pts = 100});
  ts.pes(tag_pid, tag(1), {.stream_id = 0xBD, .pts = 4000, .bounded = true});
  ts.pes(audio_pid, frame, {.stream_id = 0xC0, .pts = 100 + 3840});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  const auto& events = segment.streams.at(0).events;
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].unit, 2U);
  EXPECT_EQ(events[0].message.delta, 60);
}

// What a segment is written of, with pictures that live as long as it does.
struct Programme {
  Programme() {
    const codecs::MediaSegment made = demuxed([] {
      TsBuilder ts;
      ts.tables({{type_h264, video_pid}});
      add_gop(ts, 90'000, 25);
      return ts.bytes();
    }());
    stream = made.streams.at(0);
    Stream& video = streams.emplace_back();
    video.info = stream.configs.at(0);
    for (const auto& unit : stream.units) {
      video.samples.push_back(
          {unit.dts, unit.pts, stream.data.bytes().subspan(unit.offset, unit.size), unit.sync});
    }
  }
  codecs::ElementaryStream stream;
  std::vector<Stream> streams;
};

TEST(WriteSegment, MetadataComeBackWhereTheyWere) {
  const Programme programme;
  const ByteVector small = tag(1);
  const ByteVector large = tag(2, 50'000);
  const ByteVector cue = with_crc(time_signal(500'000));
  const ByteVector now = with_crc(splice_insert(true));
  const std::vector<Metadata> metadata{
      {Metadata::Kind::id3, 120'000, 120'000, large},  {Metadata::Kind::id3, 100'000, 100'000, small},
      {Metadata::Kind::splice, 90'000, 500'000, cue},  {Metadata::Kind::splice, 140'000, 140'000, now},
      {Metadata::Kind::splice, 90'000, 90'000, small},  // no section
  };
  const auto written = write_segment(programme.streams, metadata);
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(*written, *write_segment(programme.streams, metadata)) << "the same bytes each time";
  const TransportReport report = check_transport_stream(*written);
  EXPECT_EQ(report.payload_packets.at(0x1F1), 16U);
  EXPECT_GE(report.payload_packets.at(0x1F0), 272U);
  const codecs::MediaSegment read = demuxed(*written);
  ASSERT_EQ(read.streams.size(), 1U);
  EXPECT_EQ(read.streams[0].units.size(), 25U);
  const auto& events = read.streams[0].events;
  ASSERT_EQ(events.size(), 4U);
  const auto time_of = [&](std::size_t i) {
    return read.streams[0].units.at(events[i].unit).pts + events[i].message.delta;
  };
  EXPECT_EQ(events[0].message.data, cue);
  EXPECT_EQ(time_of(0), 500'000);
  EXPECT_EQ(events[0].unit, 0U) << "a splice is said early";
  EXPECT_EQ(events[1].message.data, small);
  EXPECT_EQ(time_of(1), 100'000);
  EXPECT_EQ(events[2].message.data, large);
  EXPECT_EQ(time_of(2), 120'000);
  EXPECT_EQ(events[3].message.data, now);
}

TEST(WriteSegment, SplicesMoveWithTheTimeline) {
  const Programme programme;
  const ByteVector cue = with_crc(time_signal(77));
  const auto written = write_segment(programme.streams, {{Metadata::Kind::splice, 0, 180'000, cue}});
  ASSERT_TRUE(written.ok()) << written.error().message;
  check_transport_stream(*written);
  const auto events = demuxed(*written).streams.at(0).events;
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(parse_splice_info(events[0].message.data)->time, 180'000);
}

TEST(WriteSegment, WithoutMetadataNothingChanges) {
  const Programme programme;
  const auto report = check_transport_stream(*write_segment(programme.streams));
  EXPECT_EQ(report.payload_packets.count(0x1F0) + report.payload_packets.count(0x1F1), 0U);
}

}  // namespace
}  // namespace tarn::mpegts
