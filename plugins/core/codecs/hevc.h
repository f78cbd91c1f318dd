// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "core/codecs/vui.h"

// HEVC (ISO/IEC 23008-2) as far as packaging needs it: parameter sets, the configuration record of
// ISO/IEC 14496-15 8.3.3.1 ("hvcC"), and the first fields of slices. NAL units are given without start
// code and with their emulation prevention bytes, as they stand in a stream.
namespace tarn::codecs::hevc {

// nal_unit_type, table 7-1
inline constexpr std::uint8_t nal_last_slice = 31;  // 0 to 31: slices, some of them reserved
inline constexpr std::uint8_t nal_bla_w_lp = 16;
inline constexpr std::uint8_t nal_bla_n_lp = 18;
inline constexpr std::uint8_t nal_idr_w_radl = 19;
inline constexpr std::uint8_t nal_idr_n_lp = 20;
inline constexpr std::uint8_t nal_cra = 21;
inline constexpr std::uint8_t nal_last_irap = 23;  // 16 to 23
inline constexpr std::uint8_t nal_vps = 32;
inline constexpr std::uint8_t nal_sps = 33;
inline constexpr std::uint8_t nal_pps = 34;
inline constexpr std::uint8_t nal_aud = 35;
inline constexpr std::uint8_t nal_end_of_sequence = 36;
inline constexpr std::uint8_t nal_end_of_bitstream = 37;
inline constexpr std::uint8_t nal_filler = 38;
inline constexpr std::uint8_t nal_prefix_sei = 39;
inline constexpr std::uint8_t nal_suffix_sei = 40;

inline constexpr std::size_t nal_header_size = 2;
inline std::uint8_t nal_type(std::uint8_t first_byte) { return first_byte >> 1U & 0x3FU; }
// nuh_layer_id; layers above 0 are enhancements (annexes F to I). REQUIRES: nal_header_size bytes
inline std::uint8_t nal_layer(Bytes nal) {
  return static_cast<std::uint8_t>((nal[0] & 1U) << 5U | nal[1] >> 3U);
}
inline bool is_irap(std::uint8_t type) { return type >= nal_bla_w_lp && type <= nal_last_irap; }

// The general part of profile_tier_level() (7.3.3).
struct ProfileTierLevel {
  std::uint8_t profile_space = 0;
  bool high_tier = false;
  std::uint8_t profile_idc = 0;
  std::uint32_t compatibility_flags = 0;           // the first flag is the most significant bit
  std::array<std::uint8_t, 6> constraint_flags{};  // from general_progressive_source_flag on
  std::uint8_t level_idc = 0;

  bool operator==(const ProfileTierLevel&) const = default;
};

// "hvc1.2.4.L123.B0": ISO/IEC 14496-15 annex E.3
std::string codec_string(const ProfileTierLevel& level);

struct Vps {
  std::uint32_t id = 0;
  std::uint32_t units_in_tick = 0;  // 0: no timing info
  std::uint32_t time_scale = 0;
};
Result<Vps> parse_vps(Bytes nal);

// seq_parameter_set_rbsp() (7.3.2.2.1): what packaging reads of it.
struct Sps : VideoUsability {
  std::uint32_t id = 0;
  std::uint32_t vps_id = 0;
  ProfileTierLevel level;
  std::uint32_t temporal_layers = 1;
  bool temporal_id_nesting = false;
  std::uint32_t chroma_format_idc = 1;
  std::uint32_t bit_depth_luma = 8;
  std::uint32_t bit_depth_chroma = 8;
  std::uint32_t width = 0;  // of the conformance window
  std::uint32_t height = 0;
};
Result<Sps> parse_sps(Bytes nal);

struct Pps {
  std::uint32_t id = 0;
  std::uint32_t sps_id = 0;
};
Result<Pps> parse_pps(Bytes nal);

// The beginning of slice_segment_header() (7.3.6.1).
struct SliceHeader {
  bool first_in_picture = false;
  std::uint32_t pps_id = 0;
};
std::optional<SliceHeader> parse_slice_header(Bytes nal);

// What a configuration record says: parameter sets as NAL units, in their order.
struct ParameterSets {
  std::vector<ByteVector> vps;
  std::vector<ByteVector> sps;
  std::vector<ByteVector> pps;
  std::vector<ByteVector> sei;
  std::uint32_t nal_length_size = 4;  // 1, 2 or 4
};
Result<ParameterSets> parameter_sets_from_config(Bytes hvcc);

// Stream description with a configuration record of 4-byte lengths made from the given NAL units.
// Profile, size and rate come from the first SPS, and the rate from the first VPS where that one has none.
Result<StreamInfo> stream_info(std::span<const Bytes> vps, std::span<const Bytes> sps,
                               std::span<const Bytes> pps);
// The same from a record that exists; `config` is taken over byte for byte.
Result<StreamInfo> stream_info_from_config(Bytes hvcc);

}  // namespace tarn::codecs::hevc
