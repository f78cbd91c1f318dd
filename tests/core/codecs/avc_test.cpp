// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/avc.h"

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "tests/core/codecs/h264_builder.h"

namespace tarn::codecs::avc {
namespace {

// As x264 wrote them for 1920x1080 at 25 frames a second, High profile, level 4.0.
const char* const x264_sps = "67640028acd940780227e5c044000003000400000300c98100004c4b40002625b928c01e30632c";
const char* const x264_pps = "68efbcb0";

TEST(AvcSps, ReadsWhatAnEncoderWrote) {
  const Result<Sps> sps = parse_sps(*parse_hex(x264_sps));
  ASSERT_TRUE(sps.ok()) << sps.error().message;
  EXPECT_EQ(sps->profile_idc, 100);
  EXPECT_EQ(sps->level_idc, 40);
  EXPECT_EQ(sps->width, 1920U);
  EXPECT_EQ(sps->height, 1080U);
  EXPECT_TRUE(sps->frame_mbs_only);
  EXPECT_EQ(sps->frame_rate_numerator, 25U);
  EXPECT_EQ(sps->frame_rate_denominator, 1U);
  EXPECT_EQ(sps->colour_primaries, 2U);
}

TEST(AvcSps, CropsFramesAndFields) {
  Result<Sps> frames = parse_sps(test::make_sps({}));
  ASSERT_TRUE(frames.ok());
  EXPECT_EQ(frames->width, 1920U);
  EXPECT_EQ(frames->height, 1080U);
  test::SpsOptions interlaced;
  interlaced.frame_mbs_only = false;
  interlaced.height_map_units = 34;
  interlaced.crop_bottom = 2;  // units of four lines
  Result<Sps> fields = parse_sps(test::make_sps(interlaced));
  ASSERT_TRUE(fields.ok());
  EXPECT_EQ(fields->height, 1080U);
  EXPECT_FALSE(fields->frame_mbs_only);
}

TEST(AvcSps, ReadsAspectRatioAndFrameRate) {
  test::SpsOptions options;
  options.sar_index = 14;
  options.units_in_tick = 1001;
  options.time_scale = 60'000;
  Result<Sps> sps = parse_sps(test::make_sps(options));
  ASSERT_TRUE(sps.ok());
  EXPECT_EQ(sps->sar_width, 4U);
  EXPECT_EQ(sps->sar_height, 3U);
  EXPECT_EQ(sps->frame_rate_numerator, 30'000U);
  EXPECT_EQ(sps->frame_rate_denominator, 1001U);
  EXPECT_EQ(sps->colour_primaries, 1U);
  EXPECT_EQ(sps->transfer_characteristics, 1U);
  EXPECT_EQ(sps->matrix_coefficients, 1U);
  options.sar_index = 255;
  options.units_in_tick = 0;
  sps = parse_sps(test::make_sps(options));
  ASSERT_TRUE(sps.ok());
  EXPECT_EQ(sps->sar_width, 40U);
  EXPECT_EQ(sps->sar_height, 33U);
  EXPECT_EQ(sps->frame_rate_numerator, 0U);
}

TEST(AvcSps, PassesOverScalingMatricesAndOrderCountTypes) {
  for (const std::uint32_t poc_type : {0U, 1U, 2U}) {
    test::SpsOptions options;
    options.profile = 110;
    options.scaling_matrix = true;
    options.poc_type = poc_type;
    const Result<Sps> sps = parse_sps(test::make_sps(options));
    ASSERT_TRUE(sps.ok());
    EXPECT_EQ(sps->bit_depth_luma, 10U);
    EXPECT_EQ(sps->height, 1080U);
    EXPECT_EQ(sps->frame_rate_numerator, 25U);
  }
}

TEST(AvcSps, EveryTruncationIsAnErrorOrLosesOnlyTheVui) {
  const ByteVector whole = test::make_sps({});
  unsigned errors = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Result<Sps> sps = parse_sps(Bytes{whole}.first(size));
    if (!sps.ok()) {
      ++errors;
    } else {
      EXPECT_EQ(sps->height, 1080U) << size;
    }
  }
  EXPECT_GE(errors, 12U);
}

TEST(AvcSps, RefusesPicturesThatCannotBe) {
  test::SpsOptions options;
  options.crop_bottom = 5000;
  EXPECT_EQ(parse_sps(test::make_sps(options)).error().code, ErrorCode::malformed);
  options = {};
  options.width_mbs = 4'000'000'000U;
  EXPECT_EQ(parse_sps(test::make_sps(options)).error().code, ErrorCode::limit);
}

TEST(AvcConfig, HasTheBytesOfTheStandard) {
  test::SpsOptions options;
  options.profile = 77;
  options.constraints = 0x40;
  options.level = 31;
  const ByteVector sps = test::make_sps(options);
  const ByteVector pps = test::make_pps();
  Result<StreamInfo> main = stream_info(sps, pps);
  ASSERT_TRUE(main.ok());
  EXPECT_EQ(hex(main->config), "014d401fffe1" + hex(ByteVector{0, static_cast<std::uint8_t>(sps.size())}) +
                                   hex(sps) + "01" +
                                   hex(ByteVector{0, static_cast<std::uint8_t>(pps.size())}) + hex(pps));
  EXPECT_EQ(main->codec_string, "avc1.4D401F");
  EXPECT_EQ(main->timescale, 90'000U);

  Result<StreamInfo> high = stream_info(*parse_hex(x264_sps), *parse_hex(x264_pps));
  ASSERT_TRUE(high.ok());
  EXPECT_EQ(hex(high->config), std::string{"01640028ffe10027"} + x264_sps + "010004" + x264_pps + "fdf8f800");
  EXPECT_EQ(high->codec_string, "avc1.640028");
}

TEST(AvcConfig, ReadsBackTheSetsAndTheDescription) {
  const ByteVector first = test::make_sps({});
  test::SpsOptions other;
  other.id = 1;
  other.width_mbs = 80;
  const ByteVector second = test::make_sps(other);
  const ByteVector pps0 = test::make_pps(0, 0);
  const ByteVector pps1 = test::make_pps(1, 1);
  const std::array<Bytes, 2> sps{first, second};
  const std::array<Bytes, 2> pps{pps0, pps1};
  Result<StreamInfo> made = stream_info(sps, pps);
  ASSERT_TRUE(made.ok());
  Result<StreamInfo> read = stream_info_from_config(made->config);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, *made);
  Result<ParameterSets> sets = parameter_sets_from_config(made->config);
  ASSERT_TRUE(sets.ok());
  EXPECT_EQ(sets->sps, (std::vector<ByteVector>{first, second}));
  EXPECT_EQ(sets->pps, (std::vector<ByteVector>{pps0, pps1}));
  EXPECT_EQ(sets->nal_length_size, 4U);
}

TEST(AvcConfig, EveryTruncationBeforeTheLastSetIsAnError) {
  const Result<StreamInfo> made = stream_info(*parse_hex(x264_sps), *parse_hex(x264_pps));
  ASSERT_TRUE(made.ok());
  const std::size_t needed = made->config.size() - 4;  // chroma and bit depths repeat the SPS
  for (std::size_t size = 0; size < needed; ++size) {
    EXPECT_FALSE(stream_info_from_config(Bytes{made->config}.first(size)).ok()) << size;
  }
  EXPECT_TRUE(stream_info_from_config(Bytes{made->config}.first(needed)).ok());
}

TEST(AvcConfig, RefusesSetsThatAreNone) {
  EXPECT_EQ(stream_info(test::make_pps(), test::make_pps()).error().code, ErrorCode::malformed);
  EXPECT_EQ(stream_info(test::make_sps({}), test::make_sps({})).error().code, ErrorCode::malformed);
  EXPECT_EQ(stream_info(Bytes{}, test::make_pps()).error().code, ErrorCode::malformed);
  const std::vector<ByteVector> many(32, test::make_sps({}));
  const std::vector<Bytes> views(many.begin(), many.end());
  const ByteVector pps = test::make_pps();
  const std::array<Bytes, 1> one{pps};
  EXPECT_EQ(stream_info(views, one).error().code, ErrorCode::limit);
}

TEST(AvcSlice, ReadsTypeFrameNumberAndField) {
  test::SpsOptions options;
  options.frame_mbs_only = false;
  options.height_map_units = 34;
  options.crop_bottom = 2;
  const Result<Sps> sps = parse_sps(test::make_sps(options));
  ASSERT_TRUE(sps.ok());
  test::SliceOptions slice;
  slice.first_mb = 17;
  slice.type = 7;
  slice.frame_num = 201;
  slice.interlaced = slice.field = slice.bottom = true;
  const auto read = parse_slice_header(test::make_slice(slice), &*sps);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->first_mb, 17U);
  EXPECT_TRUE(read->intra());
  EXPECT_EQ(read->frame_num, 201U);
  EXPECT_TRUE(read->field);
  EXPECT_TRUE(read->bottom);
  EXPECT_FALSE(parse_slice_header(ByteVector{0x41}, &*sps).has_value());
  EXPECT_FALSE(parse_slice_header(Bytes{}, nullptr).has_value());
}

TEST(AvcSei, FindsARecoveryPointAmongOtherMessages) {
  EXPECT_TRUE(has_recovery_point(test::make_recovery_point()));
  EXPECT_FALSE(has_recovery_point(*parse_hex("060403aabbcc80")));
  EXPECT_FALSE(has_recovery_point(*parse_hex("0604ffffffff06")));  // longer than it is
  EXPECT_FALSE(has_recovery_point(*parse_hex("06")));
}

}  // namespace
}  // namespace tarn::codecs::avc
