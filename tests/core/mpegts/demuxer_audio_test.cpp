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

}  // namespace
}  // namespace tarn::mpegts
