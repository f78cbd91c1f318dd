// SPDX-License-Identifier: Apache-2.0
// Configuration records that ffmpeg wrote (AV1 of libaom and SVT-AV1, VP9 of libvpx, Opus, AC-3, E-AC-3) and
// those of other origin; codec strings are those of shaka-packager.
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/codecs/av1.h"
#include "core/codecs/stream_info.h"

namespace tarn::codecs {
namespace {

StreamInfo read(Codec codec, const char* text) {
  const Result<StreamInfo> info = stream_info_from_config(codec, *parse_hex(text));
  EXPECT_TRUE(info.ok()) << text << ": " << (info.ok() ? "" : info.error().message);
  if (!info.ok()) return {};
  EXPECT_EQ(info->codec, codec);
  EXPECT_EQ(hex(info->config), text);
  return *info;
}

TEST(ConfigRecord, OfAv1HasTheSequenceHeader) {
  const StreamInfo main = read(Codec::av1, "81000c000a0b000000043d16d4daf90040");
  EXPECT_EQ(main.codec_string, "av01.0.00M.08");
  EXPECT_EQ(main.width, 326U);
  EXPECT_EQ(main.height, 182U);
  EXPECT_EQ(read(Codec::av1, "81004c000a0b000000043d16d402f84040").codec_string, "av01.0.00M.10");
}

TEST(ConfigRecord, OfAv1WithoutSequenceHeaderLeavesTheSizeOpen) {
  const StreamInfo info = read(Codec::av1, "812dcc00");
  EXPECT_EQ(info.codec_string, "av01.1.13H.10");
  EXPECT_EQ(info.width, 0U);
}

TEST(Av1, ColoursThatAreNotTheUsualOnesAreInTheCodecString) {
  // profile 0, level 8, 10 bits, monochrome
  EXPECT_EQ(read(Codec::av1, "81085c00").codec_string, "av01.0.08M.10.1.110.02.02.02.0");
}

TEST(ConfigRecord, OfVp9) {
  EXPECT_EQ(read(Codec::vp9, "01000000000b820202020000").codec_string, "vp09.00.11.08");
  const StreamInfo pq = read(Codec::vp9, "010000000229a20910090000");
  EXPECT_EQ(pq.codec_string, "vp09.02.41.10.01.09.16.09.00");
  EXPECT_EQ(pq.transfer_characteristics, 16U);
}

TEST(ConfigRecord, OfOpus) {
  const StreamInfo stereo = read(Codec::opus, "000201380000bb80000000");
  EXPECT_EQ(stereo.codec_string, "opus");
  EXPECT_EQ(stereo.timescale, 48'000U);
  EXPECT_EQ(stereo.channels, 2U);
  EXPECT_EQ(read(Codec::opus, "000601380000bb800000010402000401020305").channels, 6U);
  EXPECT_FALSE(stream_info_from_config(Codec::opus, *parse_hex("000601380000bb80000000")).ok());
}

TEST(ConfigRecord, OfAc3AndEac3) {
  const StreamInfo ac3 = read(Codec::ac3, "103de0");
  EXPECT_EQ(ac3.codec_string, "ac-3");
  EXPECT_EQ(ac3.channels, 6U);
  EXPECT_EQ(ac3.sample_rate, 48'000U);
  EXPECT_EQ(ac3.samples_per_frame, 1536U);
  const StreamInfo eac3 = read(Codec::eac3, "0800200f00");
  EXPECT_EQ(eac3.codec_string, "ec-3");
  EXPECT_EQ(eac3.channels, 6U);
  EXPECT_EQ(eac3.joc_complexity, 0U);
  EXPECT_EQ(read(Codec::eac3, "0600600400").sample_rate, 44'100U);
}

TEST(ConfigRecord, OfEac3CountsDependentSubstreamsAndObjects) {
  // 3/2.1 with Lrs/Rrs in a dependent substream: 7.1
  EXPECT_EQ(read(Codec::eac3, "1800200f0202").channels, 8U);
  // 3/0 with Lc/Rc, Lrs/Rrs and LFE2, and a low frequency channel
  EXPECT_EQ(read(Codec::eac3, "180020070303").channels, 9U);
  EXPECT_EQ(read(Codec::eac3, "1800200f000110").joc_complexity, 16U);
}

TEST(ConfigRecord, OfMp3IsAFrameHeader) {
  const StreamInfo info = read(Codec::mp3, "fffb9064");
  EXPECT_EQ(info.codec_string, "mp4a.40.34");
  EXPECT_EQ(info.sample_rate, 44'100U);
  EXPECT_EQ(info.channels, 2U);
  EXPECT_EQ(info.samples_per_frame, 1152U);
  EXPECT_EQ(read(Codec::mp3, "fff384c4").samples_per_frame, 576U);
  EXPECT_EQ(stream_info_from_config(Codec::mp3, *parse_hex("fffd9064")).error().code, ErrorCode::unsupported);
}

TEST(ConfigRecord, EveryTruncationIsAnError) {
  const std::pair<Codec, const char*> records[]{{Codec::vp9, "01000000000b82020202"},
                                                {Codec::opus, "000601380000bb800000010402000401020305"},
                                                {Codec::ac3, "103de0"},
                                                {Codec::eac3, "1800200f0202"},
                                                {Codec::mp3, "fffb9064"},
                                                {Codec::av1, "81085c00"}};
  for (const auto& [codec, text] : records) {
    const ByteVector record = *parse_hex(text);
    for (std::size_t size = 0; size < record.size(); ++size) {
      EXPECT_FALSE(stream_info_from_config(codec, Bytes{record}.first(size)).ok()) << text << " " << size;
    }
  }
}

}  // namespace
}  // namespace tarn::codecs
