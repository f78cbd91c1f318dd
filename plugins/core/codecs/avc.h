// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "core/codecs/vui.h"

// H.264 (ISO/IEC 14496-10) as far as packaging needs it: parameter sets, the configuration record of
// ISO/IEC 14496-15 5.3.3.1 ("avcC"), and the first fields of slices. NAL units are given without
// start code and with their emulation prevention bytes, as they stand in a stream.
namespace tarn::codecs::avc {

// nal_unit_type, table 7-1
inline constexpr std::uint8_t nal_slice = 1;
inline constexpr std::uint8_t nal_slice_partition_a = 2;
inline constexpr std::uint8_t nal_slice_idr = 5;
inline constexpr std::uint8_t nal_sei = 6;
inline constexpr std::uint8_t nal_sps = 7;
inline constexpr std::uint8_t nal_pps = 8;
inline constexpr std::uint8_t nal_aud = 9;
inline constexpr std::uint8_t nal_end_of_sequence = 10;
inline constexpr std::uint8_t nal_end_of_stream = 11;
inline constexpr std::uint8_t nal_filler = 12;
inline constexpr std::uint8_t nal_sps_extension = 13;

inline std::uint8_t nal_type(std::uint8_t first_byte) { return first_byte & 0x1F; }

// seq_parameter_set_data() (7.3.2.1.1): what packaging reads of it.
struct Sps : VideoUsability {
  std::uint8_t profile_idc = 0;
  std::uint8_t constraint_flags = 0;  // constraint_set flags and reserved bits, as one byte
  std::uint8_t level_idc = 0;
  std::uint32_t id = 0;
  std::uint32_t chroma_format_idc = 1;
  std::uint32_t bit_depth_luma = 8;
  std::uint32_t bit_depth_chroma = 8;
  bool separate_colour_planes = false;
  std::uint32_t frame_num_bits = 4;  // log2_max_frame_num
  bool frame_mbs_only = true;
  std::uint32_t width = 0;  // after cropping
  std::uint32_t height = 0;
};
Result<Sps> parse_sps(Bytes nal);

struct Pps {
  std::uint32_t id = 0;
  std::uint32_t sps_id = 0;
};
Result<Pps> parse_pps(Bytes nal);

// The beginning of slice_header() (7.3.3). Fields after pps_id need the SPS and are 0 without one.
struct SliceHeader {
  std::uint32_t first_mb = 0;
  std::uint32_t type = 0;  // 0 to 9, table 7-6
  std::uint32_t pps_id = 0;
  std::uint32_t frame_num = 0;
  bool field = false;
  bool bottom = false;

  [[nodiscard]] bool intra() const { return type == 2 || type == 7 || type == 4 || type == 9; }  // I or SI
};
std::optional<SliceHeader> parse_slice_header(Bytes nal, const Sps* sps);

inline constexpr std::uint32_t sei_recovery_point = 6;  // payloadType
// True when the SEI NAL unit has a recovery point message (D.2.8).
bool has_recovery_point(Bytes sei);

// What a configuration record says: parameter sets as NAL units, in their order.
struct ParameterSets {
  std::vector<ByteVector> sps;
  std::vector<ByteVector> pps;
  std::uint32_t nal_length_size = 4;  // 1, 2 or 4
};
Result<ParameterSets> parameter_sets_from_config(Bytes avcc);

// Stream description with a configuration record of 4-byte lengths made from the given NAL units.
// Profile, size and rate come from the first SPS.
Result<StreamInfo> stream_info(std::span<const Bytes> sps, std::span<const Bytes> pps);
Result<StreamInfo> stream_info(Bytes sps, Bytes pps);
// The same from a record that exists; `config` is taken over byte for byte.
Result<StreamInfo> stream_info_from_config(Bytes avcc);

}  // namespace tarn::codecs::avc
