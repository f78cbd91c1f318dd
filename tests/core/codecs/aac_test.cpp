// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/aac.h"

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace tarn::codecs::aac {
namespace {

AudioSpecificConfig read(const char* text) {
  const Result<AudioSpecificConfig> config = parse_config(*parse_hex(text));
  EXPECT_TRUE(config.ok()) << text << ": " << (config.ok() ? "" : config.error().message);
  return config.ok() ? *config : AudioSpecificConfig{};
}

TEST(Adts, HeaderGivesConfigAndSize) {
  // LC, 48 kHz, stereo, 371 bytes in all
  const auto header = parse_adts(*parse_hex("fff14c802e7ffc"));
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->object_type, 2);
  EXPECT_EQ(header->frame_size, 371U);
  EXPECT_EQ(header->header_size, 7U);
  const Result<StreamInfo> info = stream_info(*header);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(hex(info->config), "1190");
  EXPECT_EQ(info->codec_string, "mp4a.40.2");
  EXPECT_EQ(info->timescale, 48'000U);
  EXPECT_EQ(info->sample_rate, 48'000U);
  EXPECT_EQ(info->channels, 2U);
  EXPECT_EQ(info->samples_per_frame, 1024U);
}

TEST(Adts, CrcMakesTheHeaderLonger) {
  const auto header = parse_adts(*parse_hex("fff04c802e7ffc"));
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->header_size, 9U);
}

TEST(Adts, RefusesWhatIsNoHeader) {
  for (const char* bad : {"fff14c802e7f",     // short
                          "fef14c802e7ffc",   // sync
                          "fff74c802e7ffc",   // layer
                          "fff174802e7ffc",   // sampling frequency index 13
                          "fff14c80009ffc",   // frame of 4 bytes
                          "fff14c8000fffc"})  // nothing but the header
    EXPECT_FALSE(parse_adts(*parse_hex(bad)).has_value()) << bad;
}

TEST(Adts, LayoutInsideTheFramesIsUnsupported) {
  const auto header = parse_adts(*parse_hex("fff14c002e7ffc"));
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(stream_info(*header).error().code, ErrorCode::unsupported);
}

TEST(Adts, WriterMakesWhatTheParserReads) {
  for (const char* config : {"1190", "1210", "1388", "0a10", "1590"}) {
    const Result<AdtsWriter> writer = AdtsWriter::for_config(*parse_hex(config));
    ASSERT_TRUE(writer.ok());
    for (const std::size_t size : {std::size_t{1}, std::size_t{364}, AdtsWriter::max_frame_size}) {
      const auto header = parse_adts(writer->header(size));
      ASSERT_TRUE(header.has_value());
      EXPECT_EQ(header->frame_size, size + 7);
      EXPECT_EQ(header->raw_blocks, 1U);
      EXPECT_EQ(hex(*config_from_adts(*header)), config);
    }
  }
  EXPECT_EQ(hex(AdtsWriter::for_config(*parse_hex("1190"))->header(364)), "fff14c802e7ffc");
}

TEST(AudioSpecificConfig, ReadsRatesAndChannels) {
  EXPECT_EQ(read("1210").sample_rate, 44'100U);
  EXPECT_EQ(read("1388").sample_rate, 22'050U);
  EXPECT_EQ(read("1388").channels, 1U);
  EXPECT_EQ(read("11b8").channels, 8U);
  const AudioSpecificConfig written_out = read("1780177010");  // index 15, 12000 Hz
  EXPECT_EQ(written_out.sample_rate, 12'000U);
  EXPECT_EQ(written_out.channels, 2U);
  EXPECT_EQ(read("1194").samples_per_frame, 960U);
}

TEST(AudioSpecificConfig, ReadsExplicitHeAac) {
  // hierarchical, 24 kHz core, 48 kHz out
  const Result<StreamInfo> explicit_sbr = stream_info_from_config(*parse_hex("2b118800"));
  ASSERT_TRUE(explicit_sbr.ok());
  EXPECT_EQ(explicit_sbr->codec_string, "mp4a.40.5");
  EXPECT_EQ(explicit_sbr->sample_rate, 48'000U);
  EXPECT_EQ(explicit_sbr->timescale, 48'000U);
  EXPECT_EQ(explicit_sbr->samples_per_frame, 2048U);
  EXPECT_EQ(explicit_sbr->channels, 2U);
  // SBR at the core's rate
  EXPECT_EQ(stream_info_from_config(*parse_hex("29918800"))->samples_per_frame, 1024U);
  // backward compatible: AAC-LC first
  const Result<StreamInfo> compatible = stream_info_from_config(*parse_hex("131056e598"));
  ASSERT_TRUE(compatible.ok());
  EXPECT_EQ(compatible->codec_string, "mp4a.40.5");
  EXPECT_EQ(compatible->sample_rate, 48'000U);
  EXPECT_EQ(compatible->samples_per_frame, 2048U);
  // and with PS behind it: two channels of one
  const Result<StreamInfo> compatible_ps = stream_info_from_config(*parse_hex("130856e59d4880"));
  ASSERT_TRUE(compatible_ps.ok());
  EXPECT_EQ(compatible_ps->codec_string, "mp4a.40.29");
  EXPECT_EQ(compatible_ps->channels, 2U);
  // what ffmpeg's encoder writes: SBR is not present
  EXPECT_EQ(stream_info_from_config(*parse_hex("119056e500"))->codec_string, "mp4a.40.2");
}

TEST(AudioSpecificConfig, OfAdtsTakesInWhatTheContainerKnows) {
  const auto header = parse_adts(*parse_hex("fff158402e7ffc"));  // LC, 24 kHz, mono
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(stream_info(*header)->codec_string, "mp4a.40.2");
  EXPECT_EQ(stream_info(*header)->sample_rate, 24'000U);
  const Result<StreamInfo> sbr = stream_info(*header, Extension::sbr);
  ASSERT_TRUE(sbr.ok());
  EXPECT_EQ(sbr->codec_string, "mp4a.40.5");
  EXPECT_EQ(sbr->sample_rate, 48'000U);
  EXPECT_EQ(sbr->channels, 1U);
  const Result<StreamInfo> ps = stream_info(*header, Extension::sbr_and_ps);
  ASSERT_TRUE(ps.ok());
  EXPECT_EQ(ps->codec_string, "mp4a.40.29");
  EXPECT_EQ(ps->channels, 2U);
  // The core is what ADTS says again.
  EXPECT_EQ(hex(AdtsWriter::for_config(ps->config)->header(364)), "fff158402e7ffc");
}

TEST(AudioSpecificConfig, RefusesOtherCodecsAndTruncations) {
  EXPECT_EQ(parse_config(*parse_hex("f94641")).error().code, ErrorCode::unsupported);  // USAC
  EXPECT_EQ(parse_config(*parse_hex("1690")).error().code, ErrorCode::malformed);      // index 13
  EXPECT_EQ(parse_config(*parse_hex("1180")).error().code, ErrorCode::unsupported);    // 0 channels
  EXPECT_FALSE(parse_config(*parse_hex("11")).ok());
  EXPECT_FALSE(parse_config(Bytes{}).ok());
}

TEST(AudioSpecificConfig, RatesThatAdtsCannotSayAreRefused) {
  EXPECT_EQ(AdtsWriter::for_config(*parse_hex("1780177090")).ok(), false);
  EXPECT_TRUE(AdtsWriter::for_config(*parse_hex("1780177010")).ok());
}

}  // namespace
}  // namespace tarn::codecs::aac
