// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/avc_slice.h"

#include <gtest/gtest.h>

#include "../codecs/h264_builder.h"
#include "core/codecs/avc.h"

namespace tarn::crypto {
namespace {

using test::BitWriter;

// PPS 0 of SPS 0: CABAC, two references by default, weights for P slices, deblocking control.
ByteVector weighted_pps() {
  BitWriter out;
  out.ue(0);
  out.ue(0);
  out.bits(1, 1);  // entropy_coding_mode_flag
  out.bits(0, 1);
  out.ue(0);
  out.ue(1);  // num_ref_idx_l0_default_active_minus1
  out.ue(0);
  out.bits(1, 1);  // weighted_pred_flag
  out.bits(1, 2);  // weighted_bipred_idc
  out.se(0);
  out.se(0);
  out.se(0);
  out.bits(1, 1);  // deblocking_filter_control_present_flag
  out.bits(0, 1);
  out.bits(0, 1);
  out.stop();
  return test::make_nal(0x68, out.bytes());
}

AvcSliceHeaders headers(Bytes sps, Bytes pps) {
  const auto info = codecs::avc::stream_info(sps, pps);
  EXPECT_TRUE(info.ok());
  auto made = AvcSliceHeaders::from_config(info->config);
  EXPECT_TRUE(made.ok());
  return std::move(made).value();
}

// A P slice with a weight table; `weight` long codes make it longer. Returns the header's bits.
std::size_t write_slice(BitWriter& out, std::int32_t weight) {
  out.ue(0);       // first_mb_in_slice
  out.ue(5);       // P
  out.ue(0);       // PPS
  out.bits(3, 8);  // frame_num
  out.bits(6, 6);  // pic_order_cnt_lsb
  out.bits(0, 1);  // num_ref_idx_active_override_flag
  out.bits(1, 1);  // ref_pic_list_modification_flag_l0
  out.ue(0);
  out.ue(4);
  out.ue(3);
  out.ue(2);  // luma_log2_weight_denom
  out.ue(2);
  for (int reference = 0; reference < 2; ++reference) {
    out.bits(1, 1);
    out.se(weight);
    out.se(0);
    out.bits(1, 1);
    for (int i = 0; i < 4; ++i) out.se(weight);
  }
  out.bits(1, 1);  // adaptive_ref_pic_marking_mode_flag
  out.ue(1);
  out.ue(7);
  out.ue(0);
  out.ue(1);   // cabac_init_idc
  out.se(-3);  // slice_qp_delta
  out.ue(0);   // disable_deblocking_filter_idc
  out.se(1);
  out.se(-1);
  return out.size_bits();
}

TEST(AvcSliceHeaders, FindTheEndOfAHeaderWithEveryOptionalPart) {
  const auto parser = headers(test::make_sps({}), weighted_pps());
  for (const std::int32_t weight : {0, 1, -100, 127}) {
    BitWriter out;
    const std::size_t bits = write_slice(out, weight);
    out.bits(0x1FFFFFF, 25);
    for (int i = 0; i < 40; ++i) out.bits(0xA5, 8);
    ByteVector nal{0x61};
    nal.insert(nal.end(), out.bytes().begin(), out.bytes().end());
    EXPECT_EQ(parser.header_size(nal), 1 + (bits + 7) / 8) << weight;
  }
}

TEST(AvcSliceHeaders, CountsEmulationPreventionInsideOfTheHeader) {
  const auto parser = headers(test::make_sps({}), weighted_pps());
  BitWriter out;
  // Weights of 32768 are 15 zero bits in front of a one: whole zero bytes.
  const std::size_t bits = write_slice(out, 1 << 22);
  for (int i = 0; i < 40; ++i) out.bits(0xA5, 8);
  const ByteVector nal = test::make_nal(0x61, out.bytes());
  ASSERT_GT(nal.size(), out.bytes().size() + 1) << "the vector has emulation prevention";
  const ByteVector header(out.bytes().begin(),
                          out.bytes().begin() + static_cast<std::ptrdiff_t>((bits + 7) / 8));
  EXPECT_EQ(parser.header_size(nal), test::make_nal(0x61, header).size());
}

TEST(AvcSliceHeaders, KnowNothingOfAHeaderThatIsCutOrOfAnUnknownParameterSet) {
  const auto parser = headers(test::make_sps({}), weighted_pps());
  BitWriter out;
  write_slice(out, 1);
  ByteVector nal{0x61};
  nal.insert(nal.end(), out.bytes().begin(), out.bytes().begin() + 6);
  EXPECT_EQ(parser.header_size(nal), std::nullopt);
  EXPECT_EQ(parser.header_size({}), std::nullopt);
  BitWriter other;
  other.ue(0);
  other.ue(7);
  other.ue(9);
  for (int i = 0; i < 40; ++i) other.bits(0xA5, 8);
  ByteVector unknown{0x65};
  unknown.insert(unknown.end(), other.bytes().begin(), other.bytes().end());
  EXPECT_EQ(parser.header_size(unknown), std::nullopt);
}

}  // namespace
}  // namespace tarn::crypto
