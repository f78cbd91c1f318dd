// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/demuxer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/base/text.h"
#include "tests/core/codecs/h264_builder.h"
#include "tests/core/mpegts/ts_builder.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ByteVector unit_bytes(const ElementaryStream& stream, std::size_t index) {
  const AccessUnit& unit = stream.units.at(index);
  const Bytes bytes = stream.data.bytes().subspan(unit.offset, unit.size);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::uint64_t> all_dts(const ElementaryStream& stream) {
  std::vector<std::uint64_t> times;
  for (const AccessUnit& unit : stream.units) times.push_back(unit.dts);
  return times;
}

ByteVector idr(std::uint32_t seed = 1, std::size_t size = 400) {
  return make_slice({.header = 0x65, .type = 7, .size = size, .seed = seed});
}
ByteVector inter(std::uint32_t seed, std::size_t size = 150) {
  return make_slice({.frame_num = seed % 256, .size = size, .seed = seed});
}
ByteVector sync_unit(std::uint32_t seed = 1) {
  return byte_stream({make_delimiter(), make_sps({}), make_pps(), idr(seed)});
}
ByteVector inter_unit(std::uint32_t seed) { return byte_stream({make_delimiter(), inter(seed)}); }

// One IDR and `count` - 1 P frames, 3600 ticks apart.
void add_gop(TsBuilder& ts, std::uint64_t dts, std::uint32_t count, bool bounded = false) {
  for (std::uint32_t i = 0; i < count; ++i) {
    ts.pes(video_pid, i == 0 ? sync_unit() : inter_unit(i),
           {.pts = dts + 3600 * i + 7200, .dts = dts + 3600 * i, .bounded = bounded});
  }
}

Segment demuxed(const ByteVector& bytes) {
  Result<Segment> segment = demux(bytes);
  EXPECT_TRUE(segment.ok()) << (segment.ok() ? "" : segment.error().message);
  return segment.ok() ? std::move(segment).value() : Segment{};
}

Error refused(const ByteVector& bytes) {
  Result<Segment> segment = demux(bytes);
  EXPECT_FALSE(segment.ok());
  return segment.ok() ? Error{} : segment.error();
}

TEST(Demux, MakesLengthPrefixedUnitsWithoutDelimitersAndParameterSets) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  const ByteVector sei = make_nal(0x06, *parse_hex("0502aabb80"));
  const ByteVector filler(50, 0x0C);
  ts.pes(video_pid, byte_stream({make_delimiter(), make_sps({}), make_pps(), sei, idr(), filler}),
         {.pts = 9000, .dts = 5400});
  ts.pes(video_pid, byte_stream({make_delimiter(), inter(2), {0x0A}, {0x0B}}), {.pts = 9001});
  const Segment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 1U);
  const ElementaryStream& video = segment.streams[0];
  EXPECT_EQ(video.pid, video_pid);
  EXPECT_EQ(video.codec, codecs::Codec::h264);
  ASSERT_EQ(video.units.size(), 2U);
  EXPECT_EQ(unit_bytes(video, 0), length_prefixed({sei, idr()}));
  EXPECT_EQ(unit_bytes(video, 1), length_prefixed({inter(2)}));
  EXPECT_EQ(video.units[1].offset, video.units[0].size);
  EXPECT_EQ(video.units[0].pts, 9000U);
  EXPECT_EQ(video.units[0].dts, 5400U);
  EXPECT_EQ(video.units[1].dts, 9001U);
  EXPECT_TRUE(video.units[0].sync);
  EXPECT_FALSE(video.units[0].leading_open);
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
      const Segment segment = demuxed(ts.bytes());
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
  const Segment segment = demuxed(ts.bytes());
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
  const Segment segment = demuxed(ts.bytes());
  std::vector<bool> sync;
  for (const AccessUnit& unit : segment.streams.at(0).units) sync.push_back(unit.sync);
  EXPECT_THAT(sync, ElementsAre(true, true, false, false, false));
  EXPECT_TRUE(segment.streams[0].units[1].leading_open);
  EXPECT_FALSE(segment.streams[0].units[0].leading_open);
}

TEST(Demux, SplitsAtDelimitersInsideAPesPacketAndTimesTheRestByTheFrameRate) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, joined({sync_unit(1), inter_unit(2), inter_unit(3)}), {.pts = 90'000});
  const Segment segment = demuxed(ts.bytes());
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
  const Segment segment = demuxed(ts.bytes());
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
  const Segment segment = demuxed(ts.bytes());
  const ElementaryStream& video = segment.streams.at(0);
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
  const Segment segment = demuxed(ts.bytes());
  const ElementaryStream& video = segment.streams.at(0);
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
  const Segment segment = demuxed(ts.bytes());
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
  const Segment segment = demuxed(ts.bytes());
  const ElementaryStream& video = segment.streams.at(0);
  ASSERT_EQ(video.configs.size(), 2U);
  EXPECT_EQ(video.configs[0].width, 1920U);
  EXPECT_EQ(video.configs[1].width, 1280U);
  EXPECT_EQ(video.configs[1].height, 720U);
  std::vector<std::uint32_t> configs;
  for (const AccessUnit& u : video.units) configs.push_back(u.config);
  EXPECT_THAT(configs, ElementsAre(0, 0, 0, 1, 1, 0));
}

TEST(Demux, SegmentWithoutParameterSetsHasUnitsAndNoConfig) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, inter_unit(1), {.pts = 0});
  const Segment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 1U);
  EXPECT_EQ(segment.streams[0].units.size(), 1U);
  EXPECT_THAT(segment.streams[0].configs, IsEmpty());
}

TEST(Demux, GathersAudioFramesOfPesPackets) {
  const std::vector<ByteVector> raw{ByteVector(300, 1), ByteVector(10, 2), ByteVector(183, 3),
                                    ByteVector(500, 4)};
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}, {type_aac, audio_pid, "swe"}});
  add_gop(ts, 0, 2);
  // frames 0 and 1 and half of 2; the rest of 2; 3 with CRC
  const ByteVector third = adts_frame(raw[2]);
  ts.pes(audio_pid, joined({adts_frame(raw[0]), adts_frame(raw[1]), {third.begin(), third.begin() + 90}}),
         {.stream_id = 0xC0, .pts = 7, .bounded = true});
  ts.pes(audio_pid, joined({{third.begin() + 90, third.end()}, adts_frame(raw[3], true)}),
         {.stream_id = 0xC0, .pts = 9, .bounded = true});
  const Segment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 2U);
  const ElementaryStream& audio = segment.streams[1];
  EXPECT_EQ(audio.language, "swe");
  ASSERT_EQ(audio.units.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(unit_bytes(audio, i), raw[i]);
  EXPECT_THAT(all_dts(audio), ElementsAre(7, 7, 7, 9));
  EXPECT_EQ(audio.units[2].frame_in_pes, 2U);
  EXPECT_EQ(audio.units[3].frame_in_pes, 0U);
  EXPECT_TRUE(audio.units[3].sync);
  ASSERT_EQ(audio.configs.size(), 1U);
  EXPECT_EQ(hex(audio.configs[0].config), "1190");
  EXPECT_EQ(segment.damaged_packets, 0U);
}

TEST(Demux, AudioFindsTheFramesAgainAfterGarbage) {
  const ByteVector raw(100, 1);
  ByteVector garbage(50, 0x11);
  garbage[20] = 0xFF;  // a sync word that nothing confirms
  garbage[21] = 0xF1;
  garbage[22] = 0x4C;
  TsBuilder ts;
  ts.tables({{type_aac, audio_pid}});
  ts.pes(audio_pid, joined({garbage, adts_frame(raw), adts_frame(raw)}), {.stream_id = 0xC0, .pts = 1});
  ts.pes(audio_pid, joined({adts_frame(raw), garbage, adts_frame(raw), adts_frame(raw)}),
         {.stream_id = 0xC0, .pts = 2});
  const Segment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(1, 1, 2, 2, 2));
  EXPECT_EQ(segment.damaged_packets, 1U);
}

TEST(Demux, NewAudioParametersMakeANewConfig) {
  const ByteVector raw(100, 1);
  TsBuilder ts;
  ts.tables({{type_aac, audio_pid}});
  ts.pes(audio_pid, adts_frame(raw), {.stream_id = 0xC0, .pts = 1});
  ts.pes(audio_pid, adts_frame(raw, false, 1), {.stream_id = 0xC0, .pts = 2});
  const Segment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.at(0).configs.size(), 2U);
  EXPECT_EQ(segment.streams[0].configs[1].channels, 1U);
  EXPECT_EQ(segment.streams[0].units.at(1).config, 1U);
  EXPECT_EQ(segment.damaged_packets, 0U);
}

TEST(Demux, AacThatNeedsItsFramesDecodedIsUnsupported) {
  const ByteVector raw(100, 1);
  TsBuilder layout;
  layout.tables({{type_aac, audio_pid}});
  layout.pes(audio_pid, adts_frame(raw, false, 0), {.stream_id = 0xC0, .pts = 1});
  EXPECT_EQ(refused(layout.bytes()).code, ErrorCode::unsupported);
  TsBuilder blocks;
  blocks.tables({{type_aac, audio_pid}});
  blocks.pes(audio_pid, adts_frame(raw, false, 2, 3), {.stream_id = 0xC0, .pts = 1});
  EXPECT_THAT(refused(blocks.bytes()).message, HasSubstr("raw data blocks"));
}

TEST(Demux, FindsTablesInTheMiddle) {
  TsBuilder ts;
  add_gop(ts, 100'000, 2);
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, inter_unit(9), {.pts = 107'200});
  EXPECT_THAT(all_dts(demuxed(ts.bytes()).streams.at(0)), ElementsAre(100'000, 103'600, 107'200));
}

TEST(Demux, FollowsANewProgramMap) {
  const ByteVector raw(100, 1);
  TsBuilder ts;
  ts.pat();
  ts.pmt({{type_h264, video_pid}, {type_aac, audio_pid}}, 0);
  add_gop(ts, 0, 2);
  ts.pes(audio_pid, adts_frame(raw), {.stream_id = 0xC0, .pts = 5});
  ts.pat();
  ts.pmt({{type_h264, video_pid}, {type_aac, 0x200}}, 1);
  ts.pes(audio_pid, adts_frame(raw), {.stream_id = 0xC0, .pts = 6});
  ts.pes(0x200, adts_frame(raw), {.stream_id = 0xC0, .pts = 7});
  ts.pes(video_pid, inter_unit(3), {.pts = 7200});
  const Segment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 3U);
  EXPECT_EQ(segment.streams[0].units.size(), 3U);
  EXPECT_THAT(all_dts(segment.streams[1]), ElementsAre(5));
  EXPECT_EQ(segment.streams[2].pid, 0x200);
  EXPECT_THAT(all_dts(segment.streams[2]), ElementsAre(7));
}

TEST(Demux, ReadsProgramMapsOverSeveralPacketsAndSkipsDamagedOnes) {
  TsBuilder ts;
  ts.pat();
  ts.pmt({{type_aac, 0x300}}, 1, 0x1234);
  ts.pmt({{type_h264, video_pid}}, 2, 0, 900);
  add_gop(ts, 0, 1);
  const Segment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.streams.at(0).units.size(), 1U);
  EXPECT_EQ(segment.damaged_packets, 1U);
}

TEST(Demux, ListsStreamsItDoesNotCarry) {
  TsBuilder ts;
  ts.tables({{0x86, 0x1F2}, {type_h264, video_pid}, {0x24, 0x103}});
  add_gop(ts, 0, 1);
  EXPECT_THAT(demuxed(ts.bytes()).ignored,
              ElementsAre("PID 0x1F2: stream_type 0x86 (SCTE-35)", "PID 0x103: stream_type 0x24 (H.265)"));
  TsBuilder none;
  none.tables({{0x24, 0x103}, {0x81, 0x104}});
  const Error error = refused(none.bytes());
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_THAT(error.message, HasSubstr("0x24 (H.265), PID 0x104: stream_type 0x81 (AC-3)"));
}

TEST(Demux, CountsContinuityErrorsAndDropsOnlyTheDamagedPesPacket) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 4);
  // The IDR takes several packets: one in the middle goes missing.
  auto& packets = ts.packets();
  packets.erase(packets.begin() + 3);
  const Segment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.continuity_errors, 1U);
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(3600, 7200, 10'800));
  EXPECT_EQ(unit_bytes(segment.streams[0], 0), length_prefixed({inter(1)}));
}

TEST(Demux, LossAtTheEndOfAPesPacketIsSeenAtTheNext) {
  for (const bool bounded : {false, true}) {
    TsBuilder ts;
    ts.tables({{type_h264, video_pid}});
    add_gop(ts, 0, 1, bounded);
    ts.packets().pop_back();
    ts.pes(video_pid, inter_unit(1), {.pts = 3600, .bounded = bounded});
    const Segment segment = demuxed(ts.bytes());
    EXPECT_EQ(segment.continuity_errors, 1U);
    EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(3600));
  }
}

TEST(Demux, LossBetweenBoundedPesPacketsKeepsBoth) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 1, true);
  ts.skip_counter(video_pid);
  ts.pes(video_pid, inter_unit(1), {.pts = 3600, .bounded = true});
  const Segment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.continuity_errors, 1U);
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(0, 3600));
}

TEST(Demux, ADamagedPesPacketWithoutDelimiterSparesTheUnitBefore) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, sync_unit(), {.pts = 0});
  ts.pes(video_pid, byte_stream({inter(1, 700)}), {.pts = 3600});
  ts.packets().pop_back();
  ts.pes(video_pid, byte_stream({inter(2)}), {.pts = 7200});
  const Segment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(0, 7200));
  EXPECT_EQ(unit_bytes(segment.streams[0], 0), length_prefixed({idr()}));
}

TEST(Demux, RepeatedPacketsAndAnnouncedDiscontinuitiesAreNoErrors) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 1);
  ts.packets().push_back(ts.packets().back());
  ts.skip_counter(video_pid);
  const ByteVector next = make_pes(byte_stream({inter(1, 40)}), {.pts = 3600});
  ASSERT_LE(next.size(), 182U);
  ts.packet(video_pid, true, next, 0x80);  // discontinuity_indicator
  const Segment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.continuity_errors, 0U);
  const ElementaryStream& video = segment.streams.at(0);
  EXPECT_THAT(all_dts(video), ElementsAre(0, 3600));
  EXPECT_EQ(unit_bytes(video, 0), length_prefixed({idr()}));
}

TEST(Demux, TransportErrorsDropTheirPesPacket) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 3);
  ts.packets()[3][1] |= 0x80;
  const Segment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.damaged_packets, 1U);
  EXPECT_EQ(segment.continuity_errors, 0U);
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(3600, 7200));
}

TEST(Demux, FindsThePacketsAgainAfterLostSync) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 4);
  ByteVector bytes = ts.bytes();
  // behind the packets of the IDR: garbage, sync bytes inside
  const std::size_t at = bytes.size() - 3 * 188;
  ByteVector garbage(333, 0x22);
  garbage[5] = garbage[193] = 0x47;
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), garbage.begin(), garbage.end());
  const Segment segment = demuxed(bytes);
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(0, 3600, 7200, 10'800));
  EXPECT_EQ(segment.damaged_packets, 1U);
}

TEST(Demux, StartsBehindAFewBytesOfGarbage) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 4);
  EXPECT_EQ(demuxed(joined({ByteVector(77, 0x47), ts.bytes()})).streams.at(0).units.size(), 4U);
}

TEST(Demux, ScramblingIsRefused) {
  TsBuilder packet;
  packet.tables({{type_h264, video_pid}});
  add_gop(packet, 0, 2);
  packet.packets()[3][3] |= 0x80;
  EXPECT_EQ(refused(packet.bytes()).code, ErrorCode::encrypted);
  TsBuilder pes;
  pes.tables({{type_h264, video_pid}});
  pes.pes(video_pid, sync_unit(), {.pts = 0, .scrambling = 2});
  EXPECT_EQ(refused(pes.bytes()).code, ErrorCode::encrypted);
  TsBuilder sample_aes;
  sample_aes.tables({{0xDB, video_pid}, {0xCF, audio_pid}});
  EXPECT_EQ(refused(sample_aes.bytes()).code, ErrorCode::encrypted);
}

TEST(Demux, WhatIsNoTransportStreamIsUnsupported) {
  std::mt19937 random{3};
  ByteVector noise(20'000);
  for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
  EXPECT_EQ(refused(noise).code, ErrorCode::unsupported);
  EXPECT_FALSE(is_transport_stream(Bytes{noise}.first(probe_size)));
  const std::string_view playlist = "#EXTM3U\n#EXT-X-VERSION:3\n";
  EXPECT_EQ(refused({playlist.begin(), playlist.end()}).code, ErrorCode::unsupported);
  EXPECT_EQ(refused({}).code, ErrorCode::unsupported);
}

TEST(Demux, TheFirstPacketsDecideWhetherItIsATransportStream) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 8);
  const ByteVector bytes = ts.bytes();
  ASSERT_GT(bytes.size(), probe_size);
  EXPECT_TRUE(is_transport_stream(Bytes{bytes}.first(probe_size)));
  EXPECT_TRUE(is_transport_stream(Bytes{bytes}.first(188)));
  EXPECT_FALSE(is_transport_stream(Bytes{bytes}.first(187)));
  ByteVector late = joined({ByteVector(probe_size, 0), bytes});
  EXPECT_FALSE(is_transport_stream(late));
}

TEST(Demux, MissingTablesAreMalformed) {
  TsBuilder none;
  add_gop(none, 0, 2);
  EXPECT_EQ(refused(none.bytes()).code, ErrorCode::malformed);
  TsBuilder pat_only;
  pat_only.pat();
  add_gop(pat_only, 0, 2);
  const Error error = refused(pat_only.bytes());
  EXPECT_EQ(error.code, ErrorCode::malformed);
  EXPECT_THAT(error.message, HasSubstr("PMT"));
}

TEST(Demux, LimitsHold) {
  TsBuilder streams;
  std::vector<TsBuilder::Stream> many;
  for (std::uint16_t i = 0; i < 33; ++i) many.push_back({type_aac, static_cast<std::uint16_t>(0x200 + i)});
  streams.tables(many);
  EXPECT_EQ(refused(streams.bytes()).code, ErrorCode::limit);

  TsBuilder nal;
  nal.tables({{type_h264, video_pid}});
  nal.pes(video_pid, byte_stream({make_delimiter(), ByteVector((4U << 20U) + 500, 0x65)}), {.pts = 0});
  EXPECT_THAT(refused(nal.bytes()).message, HasSubstr("NAL unit"));

  TsBuilder pes;
  pes.tables({{type_h264, video_pid}});
  ByteVector payload;
  for (int i = 0; i < 9; ++i) payload = joined({payload, {0, 0, 1, 0x06}, ByteVector(1U << 20U, 0x55)});
  pes.pes(video_pid, payload, {.pts = 0});
  EXPECT_THAT(refused(pes.bytes()).message, HasSubstr("PES packet"));
}

TEST(Demux, TimesWrapAt33Bits) {
  constexpr std::uint64_t end = std::uint64_t{1} << 33U;
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, sync_unit(), {.pts = 1800, .dts = end - 1800});
  ts.pes(video_pid, inter_unit(1), {.pts = 5400, .dts = 1800});
  ts.pes(video_pid, joined({inter_unit(2), inter_unit(3)}), {.pts = end - 1});
  const Segment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(end - 1800, 1800, end - 1, 3599));
  EXPECT_EQ(segment.streams[0].units[0].pts, 1800U);
}

TEST(Demux, APesPacketThatEndsTooEarlyKeepsItsCompleteUnits) {
  const ByteVector raw(100, 1);
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}, {type_aac, audio_pid}});
  add_gop(ts, 0, 2, true);
  ts.pes(audio_pid, joined({adts_frame(raw), adts_frame(raw)}),
         {.stream_id = 0xC0, .pts = 1, .bounded = true, .announced_more = 60});
  const Segment segment = demuxed(ts.bytes());
  EXPECT_TRUE(segment.truncated);
  EXPECT_EQ(segment.streams.at(0).units.size(), 2U);
  EXPECT_EQ(segment.streams.at(1).units.size(), 2U);
}

// Only at the end of a whole PES packet can a cut go unnoticed.
TEST(Demux, EveryTruncationIsAnErrorOrATruncatedBeginning) {
  for (const bool bounded : {false, true}) {
    const ByteVector raw(250, 1);
    TsBuilder ts;
    ts.tables({{type_h264, video_pid}, {type_aac, audio_pid}});
    add_gop(ts, 0, 3, bounded);
    ts.pes(audio_pid, joined({adts_frame(raw), adts_frame(raw)}),
           {.stream_id = 0xC0, .pts = 1, .bounded = true});
    ts.pes(video_pid, inter_unit(3), {.pts = 10'800 + 7200, .dts = 10'800, .bounded = bounded});
    const ByteVector whole = ts.bytes();
    const Segment all = demuxed(whole);
    ASSERT_FALSE(all.truncated);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const ByteVector part{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
      Result<Segment> segment = demux(part);
      if (!segment.ok()) continue;
      if (size % 188 != 0) {
        ASSERT_TRUE(segment->truncated) << size;
      }
      for (const ElementaryStream& stream : segment->streams) {
        const ElementaryStream& original = all.streams.at(stream.codec == codecs::Codec::aac ? 1 : 0);
        ASSERT_LE(stream.units.size(), original.units.size());
        for (std::size_t i = 0; i < stream.units.size() && (bounded || size % 188 != 0); ++i) {
          ASSERT_EQ(unit_bytes(stream, i), unit_bytes(original, i)) << size;
        }
      }
    }
  }
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
  const Segment first = demuxed(ts.bytes());
  const Segment second = demuxed(other.bytes());
  EXPECT_EQ(unit_bytes(first.streams.at(0), 0), length_prefixed({idr(1, 300'000)}));
  EXPECT_EQ(unit_bytes(second.streams.at(0), 0), length_prefixed({idr(2, 300'000)}));
}

}  // namespace
}  // namespace tarn::mpegts
