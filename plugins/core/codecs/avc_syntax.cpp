// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include "core/codecs/avc.h"
#include "core/codecs/nal.h"
#include "core/codecs/sei.h"

namespace tarn::codecs::avc {
namespace {

constexpr std::uint32_t max_dimension = 16'384;

// profile_idc values whose SPS carries chroma format and bit depths (7.3.2.1.1)
bool has_chroma_fields(std::uint8_t profile) {
  switch (profile) {
    case 100:
    case 110:
    case 122:
    case 244:
    case 44:
    case 83:
    case 86:
    case 118:
    case 128:
    case 138:
    case 139:
    case 134:
    case 135:
      return true;
    default:
      return false;
  }
}

void skip_scaling_list(BitReader& in, unsigned size) {
  std::int64_t last = 8;
  std::int64_t next = 8;
  for (unsigned i = 0; i < size && in.ok(); ++i) {
    if (next != 0) next = (last + in.se() + 256) % 256;
    if (next != 0) last = next;
  }
}

void skip_scaling_matrix(BitReader& in, unsigned lists) {
  for (unsigned i = 0; i < lists && in.ok(); ++i) {
    if (in.flag()) skip_scaling_list(in, i < 6 ? 16 : 64);
  }
}

void read_chroma_fields(BitReader& in, Sps& sps) {
  sps.chroma_format_idc = in.ue();
  if (sps.chroma_format_idc == 3) sps.separate_colour_planes = in.flag();
  sps.bit_depth_luma = 8 + in.ue();
  sps.bit_depth_chroma = 8 + in.ue();
  in.skip(1);  // qpprime_y_zero_transform_bypass_flag
  if (in.flag()) skip_scaling_matrix(in, sps.chroma_format_idc != 3 ? 8 : 12);
}

void skip_picture_order_count(BitReader& in) {
  const std::uint32_t type = in.ue();
  if (type == 0) {
    (void)in.ue();  // log2_max_pic_order_cnt_lsb_minus4
  } else if (type == 1) {
    in.skip(1);
    (void)in.se();
    (void)in.se();
    const std::uint32_t cycle = in.ue();
    for (std::uint32_t i = 0; i < cycle && in.ok(); ++i) (void)in.se();
  }
}

// vui_parameters() (E.1.1) up to the timing info. A VUI that ends early leaves the rest unknown: some
// encoders write broken ones, and decoders take no harm.
void read_vui(BitReader& in, Sps& sps) {
  if (in.flag()) read_aspect_ratio(in, sps);
  if (in.flag()) in.skip(1);  // overscan
  if (in.flag()) read_video_signal_type(in, sps);
  if (in.flag()) {  // chroma_loc_info
    (void)in.ue();
    (void)in.ue();
  }
  if (!in.flag()) return;
  const std::uint32_t units_in_tick = in.bits(32);
  const std::uint32_t time_scale = in.bits(32);
  if (!in.ok()) return;
  set_frame_rate(sps, units_in_tick, time_scale, 2);  // a tick is a field (D.2.2, E.2.1)
}

struct Cropping {
  std::uint64_t left = 0, right = 0, top = 0, bottom = 0;
};

Status set_size(Sps& sps, std::uint32_t width_mbs, std::uint32_t height_map_units, const Cropping& crop) {
  if (width_mbs == 0 || height_map_units == 0 || width_mbs > max_dimension / 16 ||
      height_map_units > max_dimension / 16) {
    return Error{ErrorCode::limit, "H.264 SPS: picture size out of range"};
  }
  // Table 6-1 and (7-19) to (7-22): chroma_array_type 0 has no chroma samples to stay aligned to.
  const std::uint32_t chroma = sps.separate_colour_planes ? 0 : sps.chroma_format_idc;
  const std::uint64_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
  const std::uint64_t fields = sps.frame_mbs_only ? 1 : 2;
  const std::uint64_t unit_y = (chroma == 1 ? 2 : 1) * fields;
  const std::uint64_t width = std::uint64_t{width_mbs} * 16;
  const std::uint64_t height = std::uint64_t{height_map_units} * 16 * fields;
  const std::uint64_t cut_x = (crop.left + crop.right) * unit_x;
  const std::uint64_t cut_y = (crop.top + crop.bottom) * unit_y;
  if (cut_x >= width || cut_y >= height) return malformed("H.264 SPS: cropping leaves no picture");
  sps.width = static_cast<std::uint32_t>(width - cut_x);
  sps.height = static_cast<std::uint32_t>(height - cut_y);
  return {};
}

Status check_ranges(const Sps& sps) {
  if (sps.id > 31) return malformed("H.264 SPS: seq_parameter_set_id above 31");
  if (sps.chroma_format_idc > 3) return malformed("H.264 SPS: chroma_format_idc above 3");
  if (sps.bit_depth_luma > 14 || sps.bit_depth_chroma > 14) return malformed("H.264 SPS: bit depth above 14");
  if (sps.frame_num_bits > 16) return malformed("H.264 SPS: log2_max_frame_num above 16");
  return {};
}

}  // namespace

Result<Sps> parse_sps(Bytes nal) {
  if (nal.size() < 4 || nal_type(nal[0]) != nal_sps) return malformed("H.264 SPS: not a parameter set");
  const ByteVector payload = unescape(nal.subspan(1));
  BitReader in{payload};
  Sps sps;
  sps.profile_idc = static_cast<std::uint8_t>(in.bits(8));
  sps.constraint_flags = static_cast<std::uint8_t>(in.bits(8));
  sps.level_idc = static_cast<std::uint8_t>(in.bits(8));
  sps.id = in.ue();
  if (has_chroma_fields(sps.profile_idc)) read_chroma_fields(in, sps);
  sps.frame_num_bits = in.ue();
  if (sps.frame_num_bits <= 12) sps.frame_num_bits += 4;
  skip_picture_order_count(in);
  (void)in.ue();  // max_num_ref_frames
  in.skip(1);     // gaps_in_frame_num_value_allowed_flag
  const std::uint64_t width_mbs = std::uint64_t{in.ue()} + 1;
  const std::uint64_t height_map_units = std::uint64_t{in.ue()} + 1;
  sps.frame_mbs_only = in.flag();
  if (!sps.frame_mbs_only) in.skip(1);  // mb_adaptive_frame_field_flag
  in.skip(1);                           // direct_8x8_inference_flag
  Cropping crop;
  if (in.flag()) {
    crop.left = in.ue();
    crop.right = in.ue();
    crop.top = in.ue();
    crop.bottom = in.ue();
  }
  const bool has_vui = in.flag();
  if (!in.ok()) return truncated("H.264 SPS: ends inside its fields");
  if (const Status status = check_ranges(sps); !status.ok()) return status.error();
  const auto clamp = [](std::uint64_t v) { return static_cast<std::uint32_t>(v > UINT32_MAX ? 0 : v); };
  if (const Status status = set_size(sps, clamp(width_mbs), clamp(height_map_units), crop); !status.ok()) {
    return status.error();
  }
  if (has_vui) read_vui(in, sps);
  return sps;
}

Result<Pps> parse_pps(Bytes nal) {
  if (nal.size() < 2 || nal_type(nal[0]) != nal_pps) return malformed("H.264 PPS: not a parameter set");
  const ByteVector payload = unescape(nal.subspan(1), 16);
  BitReader in{payload};
  Pps pps;
  pps.id = in.ue();
  pps.sps_id = in.ue();
  if (!in.ok()) return truncated("H.264 PPS: ends inside its ids");
  if (pps.id > 255 || pps.sps_id > 31) return malformed("H.264 PPS: id out of range");
  return pps;
}

std::optional<SliceHeader> parse_slice_header(Bytes nal, const Sps* sps) {
  if (nal.empty()) return std::nullopt;
  // Three exp-Golomb codes and at most 20 more bits: 32 bytes are plenty.
  std::array<std::uint8_t, 32> payload{};
  std::size_t size = 0;
  unsigned zeros = 0;
  for (const std::uint8_t byte : nal.subspan(1)) {
    if (size == payload.size()) break;
    const bool emulation_prevention = zeros >= 2 && byte == 3;
    zeros = byte == 0 ? zeros + 1 : 0;
    if (!emulation_prevention) payload[size++] = byte;
  }
  BitReader in{Bytes{payload.data(), size}};
  SliceHeader slice;
  slice.first_mb = in.ue();
  slice.type = in.ue();
  slice.pps_id = in.ue();
  if (!in.ok() || slice.type > 9 || slice.pps_id > 255) return std::nullopt;
  if (sps == nullptr) return slice;
  if (sps->separate_colour_planes) in.skip(2);
  slice.frame_num = in.bits(sps->frame_num_bits);
  if (!sps->frame_mbs_only) {
    slice.field = in.flag();
    slice.bottom = slice.field && in.flag();
  }
  if (!in.ok()) return std::nullopt;
  return slice;
}

bool has_recovery_point(Bytes sei) {
  if (sei.size() < 2 || nal_type(sei[0]) != nal_sei) return false;
  const ByteVector payload = unescape(sei.subspan(1));
  SeiReader messages{payload};
  for (SeiMessage message; messages.next(message);) {
    if (message.type == sei_recovery_point) return true;
  }
  return false;
}

}  // namespace tarn::codecs::avc
