// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/codecs/hevc.h"
#include "core/mpegts/demuxer.h"
#include "tests/core/codecs/hevc_builder.h"
#include "tests/core/mpegts/demuxed_units.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::ElementsAre;

constexpr std::uint8_t type_hevc = 0x24;
constexpr std::uint8_t trail = 1;
constexpr std::uint8_t rasl = 8;
constexpr std::uint8_t bla_w_radl = 17;
constexpr std::uint8_t idr_w_radl = 19;
constexpr std::uint8_t cra = 21;

ByteVector sets_and(const ByteVector& slice) {
  return byte_stream({hevc_delimiter(), hevc_vps(), hevc_sps(), hevc_pps(), slice});
}

TEST(DemuxHevc, MakesLengthPrefixedUnitsWithoutDelimitersAndParameterSets) {
  const ByteVector sei{0x4E, 0x01, 0x05, 0x01, 0xAA, 0x80};
  const ByteVector suffix{0x50, 0x01, 0x84, 0x01, 0xAA, 0x80};
  const ByteVector second = hevc_slice(idr_w_radl, 2, false);
  TsBuilder ts;
  ts.tables({{type_hevc, video_pid}});
  ts.pes(video_pid,
         byte_stream({hevc_delimiter(),
                      hevc_vps(),
                      hevc_sps(),
                      hevc_pps(),
                      sei,
                      hevc_slice(idr_w_radl),
                      second,
                      suffix,
                      {0x4A, 0x01}}),
         {.pts = 9000, .dts = 5400});
  ts.pes(video_pid, byte_stream({hevc_delimiter(), hevc_slice(trail, 3)}), {.pts = 9001});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 1U);
  const codecs::ElementaryStream& video = segment.streams[0];
  EXPECT_EQ(video.codec, codecs::Codec::hevc);
  ASSERT_EQ(video.units.size(), 2U);
  EXPECT_EQ(unit_bytes(video, 0), length_prefixed({sei, hevc_slice(idr_w_radl), second, suffix}));
  EXPECT_EQ(unit_bytes(video, 1), length_prefixed({hevc_slice(trail, 3)}));
  EXPECT_THAT(all_dts(video), ElementsAre(5400, 9001));
  EXPECT_TRUE(video.units[0].sync);
  EXPECT_FALSE(video.units[1].sync);
  ASSERT_EQ(video.configs.size(), 1U);
  EXPECT_EQ(video.configs[0].codec_string, "hvc1.1.6.L60.90");
  EXPECT_EQ(video.configs[0].width, 326U);
  EXPECT_EQ(segment.continuity_errors + segment.damaged_packets, 0U);
}

TEST(DemuxHevc, RandomAccessPointsAreSyncSamplesOpenOnesMarked) {
  TsBuilder ts;
  ts.tables({{type_hevc, video_pid}});
  std::int64_t time = 0;
  for (const std::uint8_t type : {cra, rasl, trail, bla_w_radl, idr_w_radl}) {
    const auto unit = time == 0 ? sets_and(hevc_slice(type)) : byte_stream({hevc_slice(type)});
    ts.pes(video_pid, unit, {.pts = time += 10});
  }
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.at(0).units.size(), 5U);
  std::vector<bool> sync;
  std::vector<bool> open;
  for (const codecs::AccessUnit& unit : segment.streams[0].units) {
    sync.push_back(unit.sync);
    open.push_back(unit.sync && has_open_leading(segment.streams[0], unit));
  }
  EXPECT_THAT(sync, ElementsAre(true, false, false, true, true));
  EXPECT_THAT(open, ElementsAre(true, false, false, false, false));
}

TEST(DemuxHevc, UnitsOfOnePesPacketFollowAtTheFrameRate) {
  TsBuilder ts;
  ts.tables({{type_hevc, video_pid}});
  ts.pes(video_pid, joined({sets_and(hevc_slice(idr_w_radl)), byte_stream({hevc_slice(trail, 2)})}),
         {.pts = 100});
  EXPECT_THAT(all_dts(demuxed(ts.bytes()).streams.at(0)), ElementsAre(100, 3103));
}

TEST(DemuxHevc, ASliceWithoutItsPictureIsLeftOut) {
  TsBuilder ts;
  ts.tables({{type_hevc, video_pid}});
  ts.pes(video_pid, sets_and(hevc_slice(idr_w_radl)), {.pts = 1}, 40);
  ts.pes(video_pid, byte_stream({hevc_slice(trail, 2), hevc_slice(trail, 3, false)}), {.pts = 2}, 40);
  ts.pes(video_pid, byte_stream({hevc_slice(trail, 4)}), {.pts = 3}, 40);
  auto& packets = ts.packets();
  packets.erase(packets.end() - 4);  // in the middle of the second unit
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(1, 3));
  EXPECT_EQ(segment.continuity_errors, 1U);
}

TEST(DemuxHevc, NewParameterSetsHoldFromTheirSyncSampleOn) {
  ByteVector other = hevc_pps();
  other[4] ^= 0x04U;  // an offset of the quantiser
  TsBuilder ts;
  ts.tables({{type_hevc, video_pid}});
  ts.pes(video_pid, sets_and(hevc_slice(idr_w_radl)), {.pts = 1});
  ts.pes(video_pid, byte_stream({hevc_slice(trail, 2)}), {.pts = 2});
  ts.pes(video_pid, byte_stream({hevc_vps(), hevc_sps(), other, hevc_slice(cra, 3)}), {.pts = 3});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.at(0).configs.size(), 2U);
  EXPECT_EQ(segment.streams[0].units.at(1).config, 0U);
  EXPECT_EQ(segment.streams[0].units.at(2).config, 1U);
}

}  // namespace
}  // namespace tarn::mpegts
