// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "core/codecs/hevc.h"
#include "core/codecs/nal.h"

namespace tarn::codecs::hevc {
namespace {

constexpr std::uint32_t max_dimension = 16'384;
constexpr std::uint32_t max_sub_layers = 7;
constexpr std::uint32_t max_short_term_sets = 64;
constexpr std::uint32_t max_long_term_pictures = 32;
constexpr std::uint32_t max_delta_pictures = 16;

bool is_type(Bytes nal, std::uint8_t type) {
  return nal.size() > nal_header_size && nal_type(nal[0]) == type && nal_layer(nal) == 0;
}

// profile_tier_level( 1, sub_layers - 1 ), 7.3.3
void read_profile_tier_level(BitReader& in, std::uint32_t sub_layers, ProfileTierLevel& level) {
  level.profile_space = static_cast<std::uint8_t>(in.bits(2));
  level.high_tier = in.flag();
  level.profile_idc = static_cast<std::uint8_t>(in.bits(5));
  level.compatibility_flags = in.bits(32);
  for (std::uint8_t& byte : level.constraint_flags) byte = static_cast<std::uint8_t>(in.bits(8));
  level.level_idc = static_cast<std::uint8_t>(in.bits(8));
  if (sub_layers <= 1) return;
  std::array<bool, 8> has_profile{};
  std::array<bool, 8> has_level{};
  for (std::uint32_t i = 0; i + 1 < sub_layers; ++i) {
    has_profile[i] = in.flag();
    has_level[i] = in.flag();
  }
  in.skip(2 * std::size_t{8 - (sub_layers - 1)});  // reserved_zero_2bits
  for (std::uint32_t i = 0; i + 1 < sub_layers; ++i) {
    in.skip((has_profile[i] ? 88U : 0U) + (has_level[i] ? 8U : 0U));
  }
}

// Buffering and reordering of sub-layers: of all of them, or of the highest.
void skip_ordering_info(BitReader& in, std::uint32_t sub_layers) {
  const std::uint32_t count = in.flag() ? sub_layers : 1;
  for (std::uint32_t i = 0; i < count * 3; ++i) (void)in.ue();
}

// scaling_list_data(), 7.3.4
void skip_scaling_lists(BitReader& in) {
  for (unsigned size = 0; size < 4; ++size) {
    for (unsigned matrix = 0; matrix < 6 && in.ok(); matrix += size == 3 ? 3 : 1) {
      if (!in.flag()) {
        (void)in.ue();  // scaling_list_pred_matrix_id_delta
        continue;
      }
      const unsigned coefficients = std::min(64U, 1U << (4 + (size << 1U)));
      if (size > 1) (void)in.se();  // scaling_list_dc_coef
      for (unsigned i = 0; i < coefficients && in.ok(); ++i) (void)in.se();
    }
  }
}

// st_ref_pic_set( index ), 7.3.7, in an SPS. `pictures`: NumDeltaPocs of each set so far.
bool skip_short_term_set(BitReader& in, std::uint32_t index,
                         std::array<std::uint32_t, max_short_term_sets>& pictures) {
  if (index > 0 && in.flag()) {  // inter_ref_pic_set_prediction_flag
    in.skip(1);                  // delta_rps_sign
    (void)in.ue();               // abs_delta_rps
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i <= pictures[index - 1]; ++i) {
      const bool used = in.flag();
      const bool use_delta = used || in.flag();
      if (use_delta) ++count;
    }
    pictures[index] = std::min(count, max_delta_pictures);
    return in.ok() && count <= max_delta_pictures;
  }
  const std::uint32_t negative = in.ue();
  const std::uint32_t positive = in.ue();
  if (negative > max_delta_pictures || positive > max_delta_pictures - negative) return false;
  for (std::uint32_t i = 0; i < negative + positive; ++i) {
    (void)in.ue();
    in.skip(1);
  }
  pictures[index] = negative + positive;
  return in.ok();
}

bool skip_reference_pictures(BitReader& in, std::uint32_t order_count_bits) {
  const std::uint32_t sets = in.ue();
  if (sets > max_short_term_sets) return false;
  std::array<std::uint32_t, max_short_term_sets> pictures{};
  for (std::uint32_t i = 0; i < sets; ++i) {
    if (!skip_short_term_set(in, i, pictures)) return false;
  }
  if (!in.flag()) return true;
  const std::uint32_t long_term = in.ue();
  if (long_term > max_long_term_pictures) return false;
  in.skip(std::size_t{long_term} * (order_count_bits + 1));
  return true;
}

// From log2_max_pic_order_cnt_lsb_minus4 to strong_intra_smoothing_enabled_flag.
bool skip_coding_tools(BitReader& in, std::uint32_t sub_layers) {
  const std::uint32_t order_count_bits = in.ue() + 4;
  if (order_count_bits > 16) return false;
  skip_ordering_info(in, sub_layers);
  for (int i = 0; i < 6; ++i) (void)in.ue();  // block sizes and transform depths
  if (in.flag() && in.flag()) skip_scaling_lists(in);
  in.skip(2);       // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (in.flag()) {  // pcm_enabled_flag
    in.skip(8);
    (void)in.ue();
    (void)in.ue();
    in.skip(1);
  }
  if (!skip_reference_pictures(in, order_count_bits)) return false;
  in.skip(2);  // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
  return in.ok();
}

// vui_parameters() (E.2.1) up to the timing info. A VUI that ends early leaves the rest unknown.
void read_vui(BitReader& in, Sps& sps) {
  if (in.flag()) read_aspect_ratio(in, sps);
  if (in.flag()) in.skip(1);  // overscan
  if (in.flag()) read_video_signal_type(in, sps);
  if (in.flag()) {  // chroma_loc_info
    (void)in.ue();
    (void)in.ue();
  }
  in.skip(3);       // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
  if (in.flag()) {  // default_display_window
    for (int i = 0; i < 4; ++i) (void)in.ue();
  }
  if (!in.flag()) return;
  const std::uint32_t units_in_tick = in.bits(32);
  const std::uint32_t time_scale = in.bits(32);
  if (in.ok()) set_frame_rate(sps, units_in_tick, time_scale, 1);
}

struct Window {
  std::uint64_t left = 0, right = 0, top = 0, bottom = 0;
};

Status set_size(Sps& sps, std::uint32_t width, std::uint32_t height, const Window& cut) {
  if (width == 0 || height == 0 || width > max_dimension || height > max_dimension) {
    return Error{ErrorCode::limit, "HEVC SPS: picture size out of range"};
  }
  // Table 6-1: SubWidthC, SubHeightC
  const std::uint64_t unit_x = sps.chroma_format_idc == 1 || sps.chroma_format_idc == 2 ? 2 : 1;
  const std::uint64_t unit_y = sps.chroma_format_idc == 1 ? 2 : 1;
  const std::uint64_t cut_x = (cut.left + cut.right) * unit_x;
  const std::uint64_t cut_y = (cut.top + cut.bottom) * unit_y;
  if (cut_x >= width || cut_y >= height) return malformed("HEVC SPS: the conformance window is empty");
  sps.width = static_cast<std::uint32_t>(width - cut_x);
  sps.height = static_cast<std::uint32_t>(height - cut_y);
  return {};
}

}  // namespace

Result<Vps> parse_vps(Bytes nal) {
  if (!is_type(nal, nal_vps)) return malformed("HEVC VPS: not a parameter set");
  const ByteVector payload = unescape(nal.subspan(nal_header_size));
  BitReader in{payload};
  Vps vps;
  vps.id = in.bits(4);
  in.skip(8);  // base layer flags, vps_max_layers_minus1
  const std::uint32_t sub_layers = in.bits(3) + 1;
  in.skip(17);  // vps_temporal_id_nesting_flag, reserved
  if (!in.ok()) return truncated("HEVC VPS: ends inside its fields");
  if (sub_layers > max_sub_layers) return malformed("HEVC VPS: more than 7 sub-layers");
  ProfileTierLevel level;
  read_profile_tier_level(in, sub_layers, level);
  skip_ordering_info(in, sub_layers);
  const std::uint32_t last_layer = in.bits(6);
  const std::uint32_t last_layer_set = in.ue();
  if (!in.ok()) return truncated("HEVC VPS: ends inside its fields");
  in.skip(std::size_t{last_layer_set} * (last_layer + 1));
  if (!in.flag()) return vps;  // or the end: no timing info
  vps.units_in_tick = in.bits(32);
  vps.time_scale = in.bits(32);
  if (!in.ok()) vps.units_in_tick = vps.time_scale = 0;
  return vps;
}

Result<Sps> parse_sps(Bytes nal) {
  if (!is_type(nal, nal_sps)) return malformed("HEVC SPS: not a parameter set");
  const ByteVector payload = unescape(nal.subspan(nal_header_size));
  BitReader in{payload};
  Sps sps;
  sps.vps_id = in.bits(4);
  sps.temporal_layers = in.bits(3) + 1;
  sps.temporal_id_nesting = in.flag();
  if (sps.temporal_layers > max_sub_layers) return malformed("HEVC SPS: more than 7 sub-layers");
  read_profile_tier_level(in, sps.temporal_layers, sps.level);
  sps.id = in.ue();
  sps.chroma_format_idc = in.ue();
  if (sps.chroma_format_idc == 3 && in.flag()) sps.chroma_format_idc = 0;  // separate colour planes
  const std::uint32_t width = in.ue();
  const std::uint32_t height = in.ue();
  Window cut;
  if (in.flag()) {
    cut.left = in.ue();
    cut.right = in.ue();
    cut.top = in.ue();
    cut.bottom = in.ue();
  }
  const std::uint32_t extra_luma = in.ue();
  const std::uint32_t extra_chroma = in.ue();
  if (!in.ok()) return truncated("HEVC SPS: ends inside its fields");
  if (sps.id > 15) return malformed("HEVC SPS: sps_seq_parameter_set_id above 15");
  if (sps.chroma_format_idc > 3) return malformed("HEVC SPS: chroma_format_idc above 3");
  if (extra_luma > 8 || extra_chroma > 8) return malformed("HEVC SPS: bit depth above 16");
  sps.bit_depth_luma = 8 + extra_luma;
  sps.bit_depth_chroma = 8 + extra_chroma;
  if (const Status status = set_size(sps, width, height, cut); !status.ok()) return status.error();
  if (!skip_coding_tools(in, sps.temporal_layers)) return malformed("HEVC SPS: coding tools out of range");
  if (in.flag()) read_vui(in, sps);
  return sps;
}

Result<Pps> parse_pps(Bytes nal) {
  if (!is_type(nal, nal_pps)) return malformed("HEVC PPS: not a parameter set");
  const ByteVector payload = unescape(nal.subspan(nal_header_size), 16);
  BitReader in{payload};
  Pps pps;
  pps.id = in.ue();
  pps.sps_id = in.ue();
  if (!in.ok()) return truncated("HEVC PPS: ends inside its ids");
  if (pps.id > 63 || pps.sps_id > 15) return malformed("HEVC PPS: id out of range");
  return pps;
}

std::optional<SliceHeader> parse_slice_header(Bytes nal) {
  if (nal.size() <= nal_header_size) return std::nullopt;
  // Two flags and one exp-Golomb code below 64: no emulation prevention comes in between.
  BitReader in{nal.subspan(nal_header_size, std::min<std::size_t>(nal.size() - nal_header_size, 8))};
  SliceHeader slice;
  slice.first_in_picture = in.flag();
  if (is_irap(nal_type(nal[0]))) in.skip(1);  // no_output_of_prior_pics_flag
  slice.pps_id = in.ue();
  if (!in.ok() || slice.pps_id > 63) return std::nullopt;
  return slice;
}

}  // namespace tarn::codecs::hevc
