// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/hevc.h"

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace tarn::codecs::hevc {
namespace {

// Records of x265's streams, 326x182 at 30000/1001; their codec strings are those of shaka-packager.
// Main 10, BT.2020 with PQ, samples of 4:3
constexpr const char* pq =
    "0102200000009000000000003cf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003c959809"
    "a1"
    "0001002c42010102200000030090000003000003003ca00a480b9d5365959a4932bc39a84880482000007d20000ea601a2000100"
    "07"
    "4401c172b46240";
// Range extensions, 4:2:2 with 10 bits, high tier
constexpr const char* range_extensions =
    "0124080000009d080000000099f000fcfefafa00000f03a00001001740010c01ffff2408000003009d08000003000099959809a1"
    "00"
    "0100284201012408000003009d08000003000099b00a480b9d5b65959a4932bc05a02000007d20000ea601a2000100074401c172"
    "b4"
    "6240";

StreamInfo read(const char* text) {
  const Result<StreamInfo> info = stream_info_from_config(*parse_hex(text));
  EXPECT_TRUE(info.ok()) << (info.ok() ? "" : info.error().message);
  return info.ok() ? *info : StreamInfo{};
}

TEST(HevcConfig, GivesSizeRateAndColour) {
  const StreamInfo info = read(pq);
  EXPECT_EQ(info.codec, Codec::hevc);
  EXPECT_EQ(info.codec_string, "hvc1.2.4.L60.90");
  EXPECT_EQ(info.width, 326U);  // 328 coded
  EXPECT_EQ(info.height, 182U);
  EXPECT_EQ(info.sar_width, 4U);
  EXPECT_EQ(info.sar_height, 3U);
  EXPECT_EQ(info.frame_rate_numerator, 30'000U);
  EXPECT_EQ(info.frame_rate_denominator, 1'001U);
  EXPECT_EQ(info.colour_primaries, 9U);
  EXPECT_EQ(info.transfer_characteristics, 16U);
  EXPECT_EQ(info.matrix_coefficients, 9U);
}

TEST(HevcConfig, HighTierAndSeveralConstraintBytesAreInTheCodecString) {
  EXPECT_EQ(read(range_extensions).codec_string, "hvc1.4.10.H153.9D.8");
}

TEST(HevcConfig, IsWrittenAsItWasRead) {
  for (const char* text : {pq, range_extensions}) {
    const ByteVector record = *parse_hex(text);
    const Result<ParameterSets> sets = parameter_sets_from_config(record);
    ASSERT_TRUE(sets.ok());
    ASSERT_EQ(sets->vps.size(), 1U);
    const Bytes vps{sets->vps[0]};
    const Bytes sps{sets->sps[0]};
    const Bytes pps{sets->pps[0]};
    const Result<StreamInfo> made = stream_info({&vps, 1}, {&sps, 1}, {&pps, 1});
    ASSERT_TRUE(made.ok()) << made.error().message;
    EXPECT_EQ(hex(made->config), text);
    EXPECT_EQ(*made, read(text));
  }
}

TEST(HevcConfig, EveryTruncationIsAnError) {
  const ByteVector record = *parse_hex(pq);
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(stream_info_from_config(Bytes{record}.first(size)).ok()) << size;
  }
}

TEST(HevcConfig, RefusesSetsOfTheWrongType) {
  ByteVector record = *parse_hex(pq);
  record[23 + 5] = 0x42;  // the VPS becomes an SPS
  EXPECT_EQ(stream_info_from_config(record).error().code, ErrorCode::malformed);
}

TEST(HevcCodecString, LeavesOutWhatTheStandardDoes) {
  ProfileTierLevel level;
  level.profile_idc = 1;
  level.compatibility_flags = 0x60000000;
  level.level_idc = 93;
  level.constraint_flags[0] = 0xB0;
  EXPECT_EQ(codec_string(level), "hvc1.1.6.L93.B0");
  level.constraint_flags = {};
  level.profile_space = 1;
  EXPECT_EQ(codec_string(level), "hvc1.A1.6.L93");
  level.constraint_flags[2] = 0x10;
  EXPECT_EQ(codec_string(level), "hvc1.A1.6.L93.0.0.10");
}

TEST(HevcSlice, SaysWhetherItBeginsAPicture) {
  // CRA: first_slice_segment_in_pic_flag, no_output_of_prior_pics_flag, pps id 1 (010)
  const auto cra = parse_slice_header(*parse_hex("2a0194"));
  ASSERT_TRUE(cra.has_value());
  EXPECT_TRUE(cra->first_in_picture);
  EXPECT_EQ(cra->pps_id, 1U);
  const auto trail = parse_slice_header(*parse_hex("020140"));
  ASSERT_TRUE(trail.has_value());
  EXPECT_FALSE(trail->first_in_picture);
  EXPECT_EQ(trail->pps_id, 0U);
  EXPECT_FALSE(parse_slice_header(*parse_hex("0201")).has_value());
  EXPECT_FALSE(parse_slice_header(*parse_hex("020100")).has_value());
}

}  // namespace
}  // namespace tarn::codecs::hevc
