// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include "core/codecs/hevc.h"

// HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 8.3.3.1.
namespace tarn::codecs::hevc {
namespace {

constexpr std::size_t max_set_bytes = 0xFFFF;
constexpr std::size_t max_sets = 64;
constexpr std::uint8_t array_complete = 0x80;

// Hexadecimal without leading zeros.
std::string short_hex(std::uint32_t value) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  do {
    text.insert(text.begin(), digits[value & 0x0FU]);
    value >>= 4U;
  } while (value != 0);
  return text;
}

std::uint32_t reversed(std::uint32_t value) {
  std::uint32_t result = 0;
  for (unsigned bit = 0; bit < 32; ++bit) result |= (value >> bit & 1U) << (31 - bit);
  return result;
}

StreamInfo describe(const Sps& sps, const Vps* vps, ByteVector config) {
  StreamInfo info;
  info.codec = Codec::hevc;
  info.config = std::move(config);
  info.codec_string = codec_string(sps.level);
  info.width = sps.width;
  info.height = sps.height;
  VideoUsability vui = sps;
  if (vui.frame_rate_numerator == 0 && vps != nullptr) {
    set_frame_rate(vui, vps->units_in_tick, vps->time_scale, 1);
  }
  describe_usability(vui, info);
  return info;
}

Status check_sets(std::span<const Bytes> sets, std::string_view name) {
  const std::string what = "HEVC " + std::string{name};
  if (sets.empty()) return malformed(what + ": none given");
  if (sets.size() > max_sets) return Error{ErrorCode::limit, what + ": too many"};
  for (const Bytes set : sets) {
    if (set.size() <= nal_header_size) return malformed(what + ": empty");
    if (set.size() > max_set_bytes) return Error{ErrorCode::limit, what + ": longer than 65535 bytes"};
  }
  return {};
}

void write_array(Writer& out, std::uint8_t type, std::span<const Bytes> sets) {
  out.u8(std::uint32_t{array_complete} | type);
  out.u16(sets.size());
  for (const Bytes set : sets) {
    out.u16(set.size());
    out.bytes(set);
  }
}

// REQUIRES: check_sets() passed for all
ByteVector write_record(const Sps& first, std::span<const Bytes> vps, std::span<const Bytes> sps,
                        std::span<const Bytes> pps) {
  ByteVector record;
  Writer out{record};
  out.u8(1);  // configurationVersion
  out.u8(static_cast<std::uint32_t>(first.level.profile_space) << 6U | (first.level.high_tier ? 0x20U : 0U) |
         first.level.profile_idc);
  out.u32(first.level.compatibility_flags);
  out.bytes(first.level.constraint_flags);
  out.u8(first.level.level_idc);
  out.u16(0xF000);  // min_spatial_segmentation_idc: not known
  out.u8(0xFC);     // parallelismType: not known
  out.u8(0xFCU | first.chroma_format_idc);
  out.u8(0xF8U | (first.bit_depth_luma - 8));
  out.u8(0xF8U | (first.bit_depth_chroma - 8));
  out.u16(0);  // avgFrameRate: not said
  out.u8(first.temporal_layers << 3U | (first.temporal_id_nesting ? 4U : 0U) | 3U);
  out.u8(3);  // numOfArrays
  write_array(out, nal_vps, vps);
  write_array(out, nal_sps, sps);
  write_array(out, nal_pps, pps);
  return record;
}

// One array of NAL units of a type; those of unknown types are read over.
bool read_array(Reader& in, ParameterSets& sets) {
  const std::uint8_t type = in.u8() & 0x3FU;
  const std::size_t count = in.u16();
  std::vector<ByteVector>* list = nullptr;
  if (type == nal_vps) list = &sets.vps;
  if (type == nal_sps) list = &sets.sps;
  if (type == nal_pps) list = &sets.pps;
  if (type == nal_prefix_sei || type == nal_suffix_sei) list = &sets.sei;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const Bytes set = in.take(in.u16());
    if (!in.ok() || list == nullptr) continue;
    if (set.size() <= nal_header_size || nal_type(set[0]) != type) return false;
    if (list->size() == max_sets) return false;
    list->emplace_back(set.begin(), set.end());
  }
  return in.ok();
}

}  // namespace

std::string codec_string(const ProfileTierLevel& level) {
  std::string text = "hvc1.";
  if (level.profile_space > 0) text += static_cast<char>('A' + level.profile_space - 1);
  text += std::to_string(level.profile_idc) + "." + short_hex(reversed(level.compatibility_flags)) + ".";
  text += (level.high_tier ? "H" : "L") + std::to_string(level.level_idc);
  std::size_t used = level.constraint_flags.size();
  while (used > 0 && level.constraint_flags[used - 1] == 0) --used;
  for (std::size_t i = 0; i < used; ++i) text += "." + short_hex(level.constraint_flags[i]);
  return text;
}

Result<StreamInfo> stream_info(std::span<const Bytes> vps, std::span<const Bytes> sps,
                               std::span<const Bytes> pps) {
  if (const Status status = check_sets(vps, "VPS"); !status.ok()) return status.error();
  if (const Status status = check_sets(sps, "SPS"); !status.ok()) return status.error();
  if (const Status status = check_sets(pps, "PPS"); !status.ok()) return status.error();
  for (const Bytes set : pps) {
    if (Result<Pps> parsed = parse_pps(set); !parsed.ok()) return std::move(parsed).error();
  }
  const Vps first_vps = TRY(parse_vps(vps[0]));
  const Sps first = TRY(parse_sps(sps[0]));
  return describe(first, &first_vps, write_record(first, vps, sps, pps));
}

Result<ParameterSets> parameter_sets_from_config(Bytes hvcc) {
  Reader in{hvcc};
  const std::uint8_t version = in.u8();
  in.skip(20);  // what the SPS says as well
  ParameterSets sets;
  sets.nal_length_size = (in.u8() & 3U) + 1;
  const std::size_t arrays = in.u8();
  for (std::size_t i = 0; i < arrays && in.ok(); ++i) {
    if (!read_array(in, sets)) in.fail();
  }
  if (!in.ok()) return malformed("hvcC: parameter sets are cut, too many, or of the wrong type");
  // Version 0 was written before the standard was final; the layout is the same.
  if (version > 1) return unsupported("hvcC: configurationVersion is not 1");
  if (sets.nal_length_size == 3) return malformed("hvcC: NAL unit lengths of 3 bytes");
  return sets;
}

Result<StreamInfo> stream_info_from_config(Bytes hvcc) {
  const ParameterSets sets = TRY(parameter_sets_from_config(hvcc));
  if (sets.sps.empty()) return unsupported("hvcC: no SPS inside");
  const Sps sps = TRY(parse_sps(sets.sps[0]));
  const Result<Vps> vps = sets.vps.empty() ? Result<Vps>{Vps{}} : parse_vps(sets.vps[0]);
  return describe(sps, vps.ok() ? &*vps : nullptr, ByteVector{hvcc.begin(), hvcc.end()});
}

}  // namespace tarn::codecs::hevc
