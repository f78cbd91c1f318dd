// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/mpegts/demuxer.h"
#include "core/mpegts/psi.h"
#include "tests/core/mpegts/demuxed_units.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::ElementsAre;
using testing::HasSubstr;

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
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  ASSERT_EQ(segment.streams.size(), 3U);
  EXPECT_EQ(segment.streams[0].units.size(), 3U);
  EXPECT_THAT(all_dts(segment.streams[1]), ElementsAre(5));
  EXPECT_EQ(segment.streams[2].id, 0x200);
  EXPECT_THAT(all_dts(segment.streams[2]), ElementsAre(7));
}

TEST(Demux, ReadsProgramMapsOverSeveralPacketsAndSkipsDamagedOnes) {
  TsBuilder ts;
  ts.pat();
  ts.pmt({{type_aac, 0x300}}, 1, 0x1234);
  ts.pmt({{type_h264, video_pid}}, 2, 0, 900);
  add_gop(ts, 0, 1);
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.streams.at(0).units.size(), 1U);
  EXPECT_EQ(segment.damaged_packets, 1U);
}

TEST(Demux, ListsStreamsItDoesNotCarry) {
  TsBuilder ts;
  ts.tables({{0x82, 0x1F2}, {type_h264, video_pid}, {0x15, 0x103}});  // metadata that is not said to be ID3
  add_gop(ts, 0, 1);
  EXPECT_THAT(demuxed(ts.bytes()).ignored, ElementsAre("PID 0x1F2: stream_type 0x82 (DTS)",
                                                       "PID 0x103: stream_type 0x15 (timed metadata)"));
  TsBuilder none;
  none.tables({{0x02, 0x103}, {0x82, 0x104}, {0x06, 0x105}});
  const Error error = refused(none.bytes());
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_THAT(error.message, HasSubstr("0x02 (MPEG-2 video), PID 0x104: stream_type 0x82 (DTS)"));
}

TEST(Demux, EncryptedStreamTypesAndLatmAreRefusedWithTheirPid) {
  for (const std::uint8_t type : {0xDB, 0xCF, 0xC1, 0xC2}) {
    TsBuilder ts;
    ts.tables({{type_h264, video_pid}, {type, 0x105}});
    add_gop(ts, 0, 1);
    const Error error = refused(ts.bytes());
    EXPECT_EQ(error.code, ErrorCode::encrypted) << int{type};
    EXPECT_THAT(error.message, HasSubstr("PID 0x105"));
  }
  TsBuilder latm;
  latm.tables({{type_h264, video_pid}, {0x11, 0x105}});
  add_gop(latm, 0, 1);
  const Error error = refused(latm.bytes());
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_THAT(error.message, HasSubstr("PID 0x105: stream_type 0x11 (AAC LATM)"));
}

TEST(Demux, DescriptorsSayWhatPrivateStreamsAre) {
  const auto codec = [](std::uint8_t type, ByteVector descriptors) {
    TsBuilder ts;
    ts.pmt({{type, 0x105, "eng", std::move(descriptors)}});
    const ByteVector& packet = ts.packets()[0];  // header, pointer_field, section
    const Result<ProgramMap> map = parse_pmt(Bytes{packet}.subspan(5, 3U + packet[7]));
    EXPECT_TRUE(map.ok());
    EXPECT_EQ(map->streams.at(0).descriptors.language, "eng");
    return codec_of(map->streams.at(0));
  };
  using codecs::Codec;
  EXPECT_EQ(codec(0x06, {}), std::nullopt);
  EXPECT_EQ(codec(0x06, {5, 4, 'A', 'C', '-', '3'}), Codec::ac3);
  EXPECT_EQ(codec(0x06, {0x6A, 1, 0}), Codec::ac3);
  EXPECT_EQ(codec(0x06, {5, 4, 'E', 'A', 'C', '3'}), Codec::eac3);
  EXPECT_EQ(codec(0x06, {0x7A, 1, 0}), Codec::eac3);
  EXPECT_EQ(codec(0x84, {5, 4, 'E', 'A', 'C', '3'}), Codec::eac3);
  EXPECT_EQ(codec(0x84, {}), std::nullopt);
  EXPECT_EQ(codec(0x06, {5, 4, 'K', 'L', 'V', 'A'}), std::nullopt);
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

}  // namespace
}  // namespace tarn::mpegts
