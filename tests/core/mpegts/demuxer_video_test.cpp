// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/mpegts/demuxer.h"
#include "tests/core/mpegts/demuxed_units.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Demux, MakesLengthPrefixedUnitsWithoutDelimitersAndParameterSets) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  const ByteVector sei = make_nal(0x06, *parse_hex("0502aabb80"));
  const ByteVector filler(50, 0x0C);
  ts.pes(video_pid, byte_stream({make_delimiter(), make_sps({}), make_pps(), sei, idr(), filler}),
         {.pts = 9000, .dts = 5400});
  ts.pes(video_pid, byte_stream({make_delimiter(), inter(2), {0x0A}, {0x0B}}), {.pts = 9001});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 1U);
  const codecs::ElementaryStream& video = segment.streams[0];
  EXPECT_EQ(video.id, video_pid);
  EXPECT_EQ(video.codec, codecs::Codec::h264);
  ASSERT_EQ(video.units.size(), 2U);
  EXPECT_EQ(unit_bytes(video, 0), length_prefixed({sei, idr()}));
  EXPECT_EQ(unit_bytes(video, 1), length_prefixed({inter(2)}));
  EXPECT_EQ(video.units[1].offset, video.units[0].size);
  EXPECT_EQ(video.units[0].pts, 9000U);
  EXPECT_EQ(video.units[0].dts, 5400U);
  EXPECT_EQ(video.units[1].dts, 9001U);
  EXPECT_TRUE(video.units[0].sync);
  EXPECT_FALSE(video.units[1].sync);
  ASSERT_EQ(video.configs.size(), 1U);
  EXPECT_EQ(video.configs[0].codec_string, "avc1.640028");
  EXPECT_EQ(video.configs[0].height, 1080U);
  EXPECT_EQ(segment.continuity_errors + segment.damaged_packets, 0U);
  EXPECT_FALSE(segment.truncated);
  EXPECT_THAT(segment.ignored, IsEmpty());
}

// The scan works packet by packet: a start code may be cut anywhere.
TEST(Demux, GivesTheSameUnitsHoweverPesPacketsAreCutIntoPackets) {
  for (const bool bounded : {false, true}) {
    for (std::size_t per_packet = 1; per_packet <= 184; per_packet += per_packet < 40 ? 1 : 11) {
      TsBuilder ts;
      ts.tables({{type_h264, video_pid}});
      ts.pes(video_pid, sync_unit(5), {.pts = 1, .bounded = bounded}, per_packet);
      ts.pes(video_pid, inter_unit(6), {.pts = 2, .bounded = bounded}, per_packet);
      const codecs::MediaSegment segment = demuxed(ts.bytes());
      ASSERT_EQ(segment.streams.size(), 1U) << per_packet;
      ASSERT_EQ(segment.streams[0].units.size(), 2U) << per_packet;
      EXPECT_EQ(unit_bytes(segment.streams[0], 0), length_prefixed({idr(5)})) << per_packet;
      EXPECT_EQ(unit_bytes(segment.streams[0], 1), length_prefixed({inter(6)})) << per_packet;
      EXPECT_EQ(segment.damaged_packets, 0U);
    }
  }
}

TEST(Demux, ReadsPesHeadersThatRunOverPackets) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, sync_unit(), {.pts = 4, .dts = 3, .bounded = true, .header_stuffing = 240});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 1U);
  EXPECT_EQ(unit_bytes(segment.streams[0], 0), length_prefixed({idr()}));
  EXPECT_EQ(segment.streams[0].units[0].pts, 4U);
  EXPECT_EQ(segment.streams[0].units[0].dts, 3U);
}

TEST(Demux, MarksOpenGopsByRecoveryPointAndIntraSlices) {
  const ByteVector intra = make_slice({.type = 7});
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, sync_unit(), {.pts = 0});
  ts.pes(video_pid, byte_stream({make_delimiter(), make_recovery_point(), intra}), {.pts = 1});
  ts.pes(video_pid, byte_stream({make_delimiter(), intra}), {.pts = 2});
  ts.pes(video_pid, byte_stream({make_delimiter(), make_recovery_point(), inter(1)}), {.pts = 3});
  ts.pes(
      video_pid,
      byte_stream({make_delimiter(), make_recovery_point(), intra, make_slice({.first_mb = 9, .type = 0})}),
      {.pts = 4});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  std::vector<bool> sync;
  for (const codecs::AccessUnit& unit : segment.streams.at(0).units) sync.push_back(unit.sync);
  EXPECT_THAT(sync, ElementsAre(true, true, false, false, false));
  EXPECT_TRUE(has_open_leading(segment.streams[0], segment.streams[0].units[1]));
  EXPECT_FALSE(has_open_leading(segment.streams[0], segment.streams[0].units[0]));
}

TEST(Demux, SplitsAtDelimitersInsideAPesPacketAndTimesTheRestByTheFrameRate) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, joined({sync_unit(1), inter_unit(2), inter_unit(3)}), {.pts = 90'000});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(90'000, 93'600, 97'200));
  EXPECT_EQ(unit_bytes(segment.streams[0], 2), length_prefixed({inter(3)}));
}

TEST(Demux, SplitsAtNewPicturesWithoutDelimiters) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  const ByteVector second_slice = make_slice({.first_mb = 40});
  ts.pes(video_pid, byte_stream({make_sps({}), make_pps(), idr(), second_slice}), {.pts = 10});
  ts.pes(video_pid, byte_stream({inter(2), second_slice}), {.pts = 20});
  ts.pes(video_pid, byte_stream({inter(3)}), {.pts = 30});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(10, 20, 30));
  EXPECT_EQ(unit_bytes(segment.streams[0], 1), length_prefixed({inter(2), second_slice}));
}

TEST(Demux, JoinsUnitsThatAreSpreadOverPesPackets) {
  const ByteVector slice = make_slice({.first_mb = 40});
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  // A slice each, the second without times; then payload that does not begin with a start code.
  ts.pes(video_pid, sync_unit(), {.pts = 10});
  ts.pes(video_pid, byte_stream({slice}), {});
  const ByteVector next = inter_unit(2);
  ts.pes(video_pid, Bytes{next}.first(60), {.pts = 20});
  ts.pes(video_pid, joined({{next.begin() + 60, next.end()}, inter_unit(3)}), {.pts = 30});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  const codecs::ElementaryStream& video = segment.streams.at(0);
  EXPECT_THAT(all_dts(video), ElementsAre(10, 20, 30));
  EXPECT_EQ(unit_bytes(video, 0), length_prefixed({idr(), slice}));
  EXPECT_EQ(unit_bytes(video, 1), length_prefixed({inter(2)}));
  EXPECT_EQ(unit_bytes(video, 2), length_prefixed({inter(3)}));
}

TEST(Demux, KeepsTheTwoFieldsOfAFrameInOneUnit) {
  SpsOptions options;
  options.frame_mbs_only = false;
  options.height_map_units = 34;
  options.crop_bottom = 2;
  const auto field = [](std::uint8_t header, std::uint32_t frame_num, bool bottom) {
    return make_slice({.header = header,
                       .type = header == 0x65 ? 7U : 5U,
                       .frame_num = frame_num,
                       .interlaced = true,
                       .field = true,
                       .bottom = bottom});
  };
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  const ByteVector top = field(0x65, 0, false);
  const ByteVector bottom = field(0x41, 0, true);
  // in one PES packet with a delimiter between, in one without, in two
  ts.pes(video_pid,
         joined({byte_stream({make_delimiter(), make_sps(options), make_pps(), top}),
                 byte_stream({make_delimiter(), bottom})}),
         {.pts = 100});
  ts.pes(video_pid, byte_stream({make_delimiter(), field(0x41, 1, false), field(0x41, 1, true)}),
         {.pts = 200});
  ts.pes(video_pid, byte_stream({make_delimiter(), field(0x41, 2, false)}), {.pts = 300});
  ts.pes(video_pid, byte_stream({make_delimiter(), field(0x41, 2, true)}), {.pts = 350});
  ts.pes(video_pid, byte_stream({make_delimiter(), field(0x41, 3, false)}), {.pts = 400});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  const codecs::ElementaryStream& video = segment.streams.at(0);
  EXPECT_THAT(all_dts(video), ElementsAre(100, 200, 300, 400));
  EXPECT_EQ(unit_bytes(video, 0), length_prefixed({top, bottom}));
  EXPECT_TRUE(video.units[0].sync);
  EXPECT_EQ(unit_bytes(video, 2), length_prefixed({field(0x41, 2, false), field(0x41, 2, true)}));
}

TEST(Demux, TimesWithoutPtsComeFromDecodeOrderOrTheUnitIsDropped) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, sync_unit(1), {});
  ts.pes(video_pid, inter_unit(2), {.pts = 1000});
  ts.pes(video_pid, inter_unit(3), {});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(1000, 4600));
  EXPECT_EQ(segment.damaged_packets, 1U);
  EXPECT_EQ(unit_bytes(segment.streams[0], 0), length_prefixed({inter(2)}));
}

TEST(Demux, NewParameterSetsAtASyncSampleMakeANewConfig) {
  SpsOptions small;
  small.width_mbs = 80;
  small.height_map_units = 45;
  small.crop_bottom = 0;
  const auto unit = [](const SpsOptions& options) {
    return byte_stream({make_delimiter(), make_sps(options), make_pps(), idr()});
  };
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, unit({}), {.pts = 0});
  ts.pes(video_pid, inter_unit(1), {.pts = 1});
  ts.pes(video_pid, unit({}), {.pts = 2});
  ts.pes(video_pid, unit(small), {.pts = 3});
  ts.pes(video_pid, inter_unit(2), {.pts = 4});
  ts.pes(video_pid, unit({}), {.pts = 5});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  const codecs::ElementaryStream& video = segment.streams.at(0);
  ASSERT_EQ(video.configs.size(), 2U);
  EXPECT_EQ(video.configs[0].width, 1920U);
  EXPECT_EQ(video.configs[1].width, 1280U);
  EXPECT_EQ(video.configs[1].height, 720U);
  std::vector<std::uint32_t> configs;
  for (const codecs::AccessUnit& u : video.units) configs.push_back(u.config);
  EXPECT_THAT(configs, ElementsAre(0, 0, 0, 1, 1, 0));
}

TEST(Demux, SegmentWithoutParameterSetsHasUnitsAndNoConfig) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, inter_unit(1), {.pts = 0});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 1U);
  EXPECT_EQ(segment.streams[0].units.size(), 1U);
  EXPECT_THAT(segment.streams[0].configs, IsEmpty());
}

TEST(Demux, TimesWrapAt33Bits) {
  constexpr std::int64_t end = std::int64_t{1} << 33U;
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, sync_unit(), {.pts = 1800, .dts = end - 1800});
  ts.pes(video_pid, inter_unit(1), {.pts = 5400, .dts = 1800});
  ts.pes(video_pid, joined({inter_unit(2), inter_unit(3)}), {.pts = end - 1});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(end - 1800, 1800, end - 1, 3599));
  EXPECT_EQ(segment.streams[0].units[0].pts, 1800U);
}

TEST(Demux, BlobsKeepTheirBytesWhenMemoryIsUsedAgain) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, byte_stream({make_delimiter(), make_sps({}), make_pps(), idr(1, 300'000)}), {.pts = 0});
  TsBuilder other;
  other.tables({{type_h264, video_pid}});
  other.pes(video_pid, byte_stream({make_delimiter(), make_sps({}), make_pps(), idr(2, 300'000)}),
            {.pts = 0});
  (void)demuxed(ts.bytes());
  const codecs::MediaSegment first = demuxed(ts.bytes());
  const codecs::MediaSegment second = demuxed(other.bytes());
  EXPECT_EQ(unit_bytes(first.streams.at(0), 0), length_prefixed({idr(1, 300'000)}));
  EXPECT_EQ(unit_bytes(second.streams.at(0), 0), length_prefixed({idr(2, 300'000)}));
}

}  // namespace
}  // namespace tarn::mpegts
