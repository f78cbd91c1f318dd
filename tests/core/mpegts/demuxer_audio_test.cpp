// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/mpegts/demuxer.h"
#include "tests/core/codecs/audio_builder.h"
#include "tests/core/mpegts/demuxed_units.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::ElementsAre;
using testing::HasSubstr;

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
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 2U);
  const codecs::ElementaryStream& audio = segment.streams[1];
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
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(1, 1, 2, 2, 2));
  EXPECT_EQ(segment.damaged_packets, 1U);
}

TEST(Demux, NewAudioParametersMakeANewConfig) {
  const ByteVector raw(100, 1);
  TsBuilder ts;
  ts.tables({{type_aac, audio_pid}});
  ts.pes(audio_pid, adts_frame(raw), {.stream_id = 0xC0, .pts = 1});
  ts.pes(audio_pid, adts_frame(raw, false, 1), {.stream_id = 0xC0, .pts = 2});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
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

TEST(Demux, AProfileOfHeAacInTheTablesMakesItsConfig) {
  ByteVector frame = adts_frame(ByteVector(100, 1), false, 1);
  frame[2] = (frame[2] & 0xC3U) | 6U << 2U;  // 24 kHz
  const auto config = [&frame](ByteVector descriptors) {
    TsBuilder ts;
    ts.tables({{type_aac, audio_pid, "", std::move(descriptors)}});
    ts.pes(audio_pid, frame, {.stream_id = 0xC0, .pts = 1});
    return demuxed(ts.bytes()).streams.at(0).configs.at(0);
  };
  EXPECT_EQ(config({}).codec_string, "mp4a.40.2");
  EXPECT_EQ(config({0x1C, 1, 0x2C}).codec_string, "mp4a.40.5");
  EXPECT_EQ(config({0x2B, 3, 1, 1, 1}).codec_string, "mp4a.40.5");
  const codecs::StreamInfo both = config({0x7C, 2, 0x60, 0x7F});
  EXPECT_EQ(both.codec_string, "mp4a.40.29");
  EXPECT_EQ(both.sample_rate, 48'000U);
  EXPECT_EQ(both.channels, 2U);
}

TEST(Demux, GathersAc3AndMp3) {
  TsBuilder ts;
  ts.tables({{0x81, 0x101}, {0x03, 0x102}});
  const ByteVector ac3 = joined({ac3_frame(1), ac3_frame(2), ac3_frame(3)});
  const ByteVector mp3 = joined({mp3_frame(1), mp3_frame(2)});
  ts.pes(0x101, Bytes{ac3}.first(1000), {.stream_id = 0xBD, .pts = 10, .bounded = true});
  ts.pes(0x101, Bytes{ac3}.subspan(1000), {.stream_id = 0xBD, .pts = 20, .bounded = true});
  ts.pes(0x102, mp3, {.stream_id = 0xC1, .pts = 30, .bounded = true});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 2U);
  EXPECT_THAT(all_dts(segment.streams[0]), ElementsAre(10, 10, 20));
  EXPECT_EQ(unit_bytes(segment.streams[0], 1), ac3_frame(2));
  EXPECT_EQ(segment.streams[0].configs.at(0).channels, 6U);
  EXPECT_EQ(hex(segment.streams[0].configs[0].config), "103d40");
  EXPECT_THAT(all_dts(segment.streams[1]), ElementsAre(30, 30));
  EXPECT_EQ(segment.streams[1].units[1].frame_in_pes, 1U);
  EXPECT_EQ(unit_bytes(segment.streams[1], 1), mp3_frame(2));
  EXPECT_EQ(segment.streams[1].codec, codecs::Codec::mp3);
  EXPECT_EQ(segment.damaged_packets, 0U);
}

TEST(Demux, FramesOfAllSubstreamsAreOneUnit) {
  const ByteVector main = eac3_frame({.joc = 16});
  const ByteVector dependent =
      eac3_frame({.type = 1, .mode = 6, .lfe = false, .channel_map = 0x1A00, .size = 120});
  const ByteVector other = eac3_frame({.substream = 1, .mode = 2, .lfe = false, .size = 80});
  const ByteVector unit = joined({main, dependent, other});
  const ByteVector all = joined({unit, unit, unit});
  for (const std::size_t cut : {unit.size(), main.size(), main.size() + 50, unit.size() + 3}) {
    TsBuilder ts;
    ts.tables({{0x87, audio_pid}});
    ts.pes(audio_pid, Bytes{all}.first(cut), {.stream_id = 0xBD, .pts = 10});
    ts.pes(audio_pid, Bytes{all}.subspan(cut), {.stream_id = 0xBD, .pts = 20});
    const codecs::MediaSegment segment = demuxed(ts.bytes());
    ASSERT_EQ(segment.streams.at(0).units.size(), 3U) << cut;
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(unit_bytes(segment.streams[0], i), unit) << cut;
    ASSERT_EQ(segment.streams[0].configs.size(), 1U);
    const codecs::StreamInfo& info = segment.streams[0].configs[0];
    EXPECT_EQ(info.channels, 8U);
    EXPECT_EQ(info.joc_complexity, 16U);
    EXPECT_EQ(hex(info.config), "0341200f02022004000110") << cut;
    EXPECT_EQ(segment.damaged_packets, 0U);
  }
}

TEST(Demux, ShortFramesAreGatheredToSixBlocks) {
  ByteVector all;
  for (std::uint8_t i = 0; i < 8; ++i)
    all = joined({all, eac3_frame({.block_code = 1, .size = 100, .fill = i})});
  TsBuilder ts;
  ts.tables({{0x87, audio_pid}});
  ts.pes(audio_pid, all, {.stream_id = 0xBD, .pts = 10});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.at(0).units.size(), 2U);  // the third has four blocks, and no more come
  EXPECT_EQ(segment.streams[0].units[0].size, 300U);
  EXPECT_EQ(segment.damaged_packets, 1U);
}

TEST(Demux, Ac3FindsTheFramesAgainAfterGarbage) {
  ByteVector garbage(99, 0x0B);
  garbage[50] = 0x77;  // a sync word that nothing confirms
  TsBuilder ts;
  ts.tables({{0x87, audio_pid}});
  ts.pes(
      audio_pid,
      joined({garbage, eac3_frame({.fill = 1}), garbage, eac3_frame({.fill = 2}), eac3_frame({.fill = 3})}),
      {.stream_id = 0xBD, .pts = 1});
  ts.pes(audio_pid, eac3_frame({.fill = 4}), {.stream_id = 0xBD, .pts = 2});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.at(0).units.size(), 3U);
  EXPECT_EQ(unit_bytes(segment.streams[0], 2), eac3_frame({.fill = 4}));
}

TEST(Demux, OtherLayersOfMpegAudioAreUnsupported) {
  TsBuilder ts;
  ts.tables({{0x04, audio_pid}});
  ByteVector frame = mp3_frame(1, 0xFD);
  frame.resize(480, 1);
  ts.pes(audio_pid, joined({frame, frame}), {.stream_id = 0xC0, .pts = 1});
  const Error error = refused(ts.bytes());
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_THAT(error.message, HasSubstr("layer 2"));
}

}  // namespace
}  // namespace tarn::mpegts
