// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/codecs/aac.h"
#include "core/codecs/avc.h"
#include "core/isobmff/cmaf.h"

namespace tarn::isobmff {
namespace {

using testing::HasSubstr;

codecs::StreamInfo aac_info() {
  auto info = codecs::aac::stream_info_from_config(*parse_hex("1190"));
  EXPECT_TRUE(info.ok());
  return std::move(info).value();
}

// 320×180, 25/s, High profile: what x264 wrote
codecs::StreamInfo avc_info() {
  auto info = codecs::avc::stream_info_from_config(*parse_hex(
      "0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800"));
  EXPECT_TRUE(info.ok());
  return std::move(info).value();
}

// clang-format off
constexpr char aac_header[] =
  "00000018" "66747970"  // ftyp: cmfc, 0, cmfc, iso6
    "636d6663" "00000000" "636d6663" "69736f36"
  "0000023b" "6d6f6f76"  // moov
    "0000006c" "6d766864"  // mvhd: 48000, no duration, rate 1, volume 1, unity, next track 2
      "00000000" "00000000" "00000000" "0000bb80" "00000000" "00010000" "0100" "0000" "0000000000000000"
      "00010000" "00000000" "00000000" "00000000" "00010000" "00000000" "00000000" "00000000" "40000000"
      "000000000000000000000000000000000000000000000000" "00000002"
    "0000019f" "7472616b"  // trak
      "0000005c" "746b6864"  // tkhd: enabled, track 1, volume 1, no size
        "00000007" "00000000" "00000000" "00000001" "00000000" "00000000" "0000000000000000"
        "0000" "0000" "0100" "0000"
        "00010000" "00000000" "00000000" "00000000" "00010000" "00000000" "00000000" "00000000" "40000000"
        "00000000" "00000000"
      "0000013b" "6d646961"  // mdia
        "00000020" "6d646864"  // mdhd: 48000, "deu"
          "00000000" "00000000" "00000000" "0000bb80" "00000000" "10b5" "0000"
        "00000021" "68646c72"  // hdlr: soun
          "00000000" "00000000" "736f756e" "000000000000000000000000" "00"
        "0000000f" "656c6e67"  // elng: "de"
          "00000000" "646500"
        "000000e3" "6d696e66"  // minf
          "00000010" "736d6864"  // smhd
            "00000000" "00000000"
          "00000024" "64696e66"  // dinf
            "0000001c" "64726566" "00000000" "00000001"
              "0000000c" "75726c20" "00000001"
          "000000a7" "7374626c"  // stbl
            "0000005b" "73747364" "00000000" "00000001"  // stsd
              "0000004b" "6d703461"  // mp4a: 2 channels, 16 bit, 48000
                "000000000000" "0001" "0000000000000000" "0002" "0010" "00000000" "bb800000"
                "00000027" "65736473" "00000000"  // esds
                  "0319" "0000" "00" "0411" "40" "15" "000000" "00000000" "00000000" "0502" "1190" "0601" "02"
            "00000010" "73747473" "00000000" "00000000"
            "00000010" "73747363" "00000000" "00000000"
            "00000014" "7374737a" "00000000" "00000000" "00000000"
            "00000010" "7374636f" "00000000" "00000000"
    "00000028" "6d766578"  // mvex
      "00000020" "74726578" "00000000" "00000001" "00000001" "00000000" "00000000" "00000000";
// clang-format on

TEST(Init, AacHeaderHasTheBytesOfTheStandard) {
  const auto bytes = write_init(aac_info(), "de");
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  EXPECT_EQ(hex(*bytes), aac_header);
}

TEST(Init, AudioRoundTrips) {
  for (const char* const language : {"", "en", "eng", "pt-BR"}) {
    const auto bytes = write_init(aac_info(), language);
    ASSERT_TRUE(bytes.ok());
    const auto init = parse_init(*bytes);
    ASSERT_TRUE(init.ok()) << init.error().message;
    EXPECT_EQ(init->info, aac_info());
    EXPECT_EQ(init->language, language);
    EXPECT_EQ(init->track_id, 1U);
  }
}

TEST(Init, VideoRoundTrips) {
  const auto bytes = write_init(avc_info(), "");
  ASSERT_TRUE(bytes.ok());
  const auto init = parse_init(*bytes);
  ASSERT_TRUE(init.ok()) << init.error().message;
  EXPECT_EQ(init->info, avc_info());
}

TEST(Init, SampleAspectRatioIsInPaspAndInTheDisplayWidth) {
  auto info = avc_info();
  info.sar_width = 4;
  info.sar_height = 3;
  const auto bytes = write_init(info, "");
  ASSERT_TRUE(bytes.ok());
  EXPECT_THAT(hex(*bytes), HasSubstr("00000010"
                                     "70617370"
                                     "00000004"
                                     "00000003"));
  EXPECT_THAT(hex(*bytes), HasSubstr("40000000"
                                     "01ab0000"
                                     "00b40000"));  // 427×180
  EXPECT_EQ(parse_init(*bytes)->info.sar_width, 4U);
}

TEST(Init, EveryTruncationIsAnError) {
  for (const auto& bytes : {write_init(aac_info(), "de"), write_init(avc_info(), "")}) {
    ASSERT_TRUE(bytes.ok());
    for (std::size_t size = 0; size < bytes->size(); ++size) {
      EXPECT_FALSE(parse_init(Bytes{*bytes}.first(size)).ok()) << size;
    }
  }
}

TEST(Init, SubtitlesAreATrackOfText) {
  const auto info = codecs::stream_info_from_config(codecs::Codec::webvtt, as_bytes("WEBVTT")).value();
  const auto bytes = write_init(info, "de");
  ASSERT_TRUE(bytes.ok());
  const std::string_view text = as_text(*bytes);
  for (const char* part : {"nmhd", "wvtt", "vttCWEBVTT"}) EXPECT_THAT(std::string{text}, HasSubstr(part));
  EXPECT_EQ(text.substr(text.find("hdlr") + 12, 4), "text");
  const auto parsed = parse_init(*bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->info, info);
  EXPECT_EQ(parsed->language, "de");
  EXPECT_FALSE(codecs::stream_info_from_config(codecs::Codec::webvtt, as_bytes("WEB")).ok());
}

TEST(Init, WithoutConfigurationOrTimescaleThereIsNone) {
  auto info = aac_info();
  info.config.clear();
  EXPECT_FALSE(write_init(info, "").ok());
  info = aac_info();
  info.timescale = 0;
  EXPECT_FALSE(write_init(info, "").ok());
}

TEST(Init, EncryptedTracksAreCalledSo) {
  ByteVector bytes = *parse_hex(aac_header);
  const std::string text = "mp4a";
  const auto at = std::search(bytes.begin(), bytes.end(), text.begin(), text.end());
  ASSERT_NE(at, bytes.end());
  *at = 'e';
  *(at + 1) = 'n';
  *(at + 2) = 'c';
  const auto init = parse_init(bytes);
  ASSERT_FALSE(init.ok());
  EXPECT_EQ(init.error().code, ErrorCode::encrypted);
}

TEST(Init, OfEveryCodecIsReadAsItWasWritten) {
  using codecs::Codec;
  const std::pair<Codec, const char*> records[]{{Codec::hevc,
                                                 "0102200000009000000000003cf000fcfdfafa00000f03a000010018400"
                                                 "10c01ffff02200000030090000003000003003c959809a1"
                                                 "0001002c42010102200000030090000003000003003ca00a480b9d53659"
                                                 "59a4932bc39a84880482000007d20000ea601a200010007"
                                                 "4401c172b46240"},
                                                {Codec::av1, "81000c000a0b000000043d16d4daf90040"},
                                                {Codec::vp9, "01000000000b820202020000"},
                                                {Codec::aac, "2b118800"},
                                                {Codec::mp3, "fffb9000"},
                                                {Codec::mp3, "fff394c0"},
                                                {Codec::mp3, "ffe39800"},
                                                {Codec::ac3, "103de0"},
                                                {Codec::eac3, "0800200f000110"},
                                                {Codec::opus, "000601380000bb800000010402000401020305"}};
  for (const auto& [codec, record] : records) {
    codecs::StreamInfo info = codecs::stream_info_from_config(codec, *parse_hex(record)).value();
    SCOPED_TRACE(info.codec_string + " " + record);
    if (codec == Codec::vp9) info.width = info.height = 200;  // its record says none
    info.frame_rate_numerator = 0;                            // no box says it
    info.frame_rate_denominator = 1;
    const Result<ByteVector> bytes = write_init(info, "eng");
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    const Result<ParsedInit> init = parse_init(*bytes);
    ASSERT_TRUE(init.ok()) << init.error().message;
    codecs::StreamInfo back = init->info;
    back.frame_rate_numerator = 0;
    back.frame_rate_denominator = 1;
    EXPECT_EQ(back, info);
    for (std::size_t size = 0; size < bytes->size(); ++size) {
      EXPECT_FALSE(parse_init(Bytes{*bytes}.first(size)).ok()) << size;
    }
  }
}

}  // namespace
}  // namespace tarn::isobmff
