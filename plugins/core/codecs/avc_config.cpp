// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "core/codecs/avc.h"

// AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1.
namespace tarn::codecs::avc {
namespace {

constexpr std::size_t max_sps = 31;  // numOfSequenceParameterSets has five bits
constexpr std::size_t max_pps = 255;
constexpr std::size_t max_set_bytes = 0xFFFF;

// Profiles whose record ends with chroma format and bit depths.
bool has_chroma_bytes(std::uint8_t profile) { return profile != 66 && profile != 77 && profile != 88; }

std::string codec_string(std::uint8_t profile, std::uint8_t constraints, std::uint8_t level) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text = "avc1.";
  for (const std::uint8_t byte : {profile, constraints, level}) {
    text += digits[byte >> 4U];
    text += digits[byte & 0x0FU];
  }
  return text;
}

StreamInfo describe(const Sps& sps, ByteVector config) {
  StreamInfo info;
  info.codec = Codec::h264;
  info.config = std::move(config);
  info.codec_string = codec_string(sps.profile_idc, sps.constraint_flags, sps.level_idc);
  info.width = sps.width;
  info.height = sps.height;
  describe_usability(sps, info);
  return info;
}

Status check_sets(std::span<const Bytes> sets, std::size_t limit, std::string_view name) {
  const std::string what = "H.264 " + std::string{name};
  if (sets.empty()) return malformed(what + ": none given");
  if (sets.size() > limit) return Error{ErrorCode::limit, what + ": too many"};
  for (const Bytes set : sets) {
    if (set.size() < 2) return malformed(what + ": empty");
    if (set.size() > max_set_bytes) return Error{ErrorCode::limit, what + ": longer than 65535 bytes"};
  }
  return {};
}

void write_sets(Writer& out, std::span<const Bytes> sets) {
  for (const Bytes set : sets) {
    out.u16(set.size());
    out.bytes(set);
  }
}

// REQUIRES: check_sets() passed for both
ByteVector write_record(const Sps& first, std::span<const Bytes> sps, std::span<const Bytes> pps) {
  ByteVector record;
  Writer out{record};
  out.u8(1);  // configurationVersion
  out.u8(first.profile_idc);
  out.u8(first.constraint_flags);
  out.u8(first.level_idc);
  out.u8(0xFC | 3U);  // lengthSizeMinusOne
  out.u8(0xE0 | sps.size());
  write_sets(out, sps);
  out.u8(pps.size());
  write_sets(out, pps);
  if (has_chroma_bytes(first.profile_idc)) {
    out.u8(0xFC | first.chroma_format_idc);
    out.u8(0xF8 | (first.bit_depth_luma - 8));
    out.u8(0xF8 | (first.bit_depth_chroma - 8));
    out.u8(0);  // numOfSequenceParameterSetExt
  }
  return record;
}

void read_sets(Reader& in, std::size_t count, std::uint8_t type, std::vector<ByteVector>& sets) {
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const Bytes set = in.take(in.u16());
    if (!in.ok()) return;
    if (set.empty() || nal_type(set[0]) != type) return in.fail();
    sets.emplace_back(set.begin(), set.end());
  }
}

}  // namespace

Result<StreamInfo> stream_info(std::span<const Bytes> sps, std::span<const Bytes> pps) {
  if (const Status status = check_sets(sps, max_sps, "SPS"); !status.ok()) return status.error();
  if (const Status status = check_sets(pps, max_pps, "PPS"); !status.ok()) return status.error();
  for (const Bytes set : pps) {
    if (Result<Pps> parsed = parse_pps(set); !parsed.ok()) return std::move(parsed).error();
  }
  const Sps first = TRY(parse_sps(sps[0]));
  return describe(first, write_record(first, sps, pps));
}

Result<StreamInfo> stream_info(Bytes sps, Bytes pps) {
  return stream_info(std::span<const Bytes>{&sps, 1}, std::span<const Bytes>{&pps, 1});
}

Result<ParameterSets> parameter_sets_from_config(Bytes avcc) {
  Reader in{avcc};
  const std::uint8_t version = in.u8();
  in.skip(3);  // profile, compatibility, level: repeated in the SPS
  ParameterSets sets;
  sets.nal_length_size = (in.u8() & 3U) + 1;
  read_sets(in, in.u8() & 0x1FU, nal_sps, sets.sps);
  read_sets(in, in.u8(), nal_pps, sets.pps);
  if (!in.ok()) return malformed("avcC: parameter sets are cut or of the wrong type");
  if (version != 1) return unsupported("avcC: configurationVersion is not 1");
  if (sets.nal_length_size == 3) return malformed("avcC: NAL unit lengths of 3 bytes");
  return sets;
}

Result<StreamInfo> stream_info_from_config(Bytes avcc) {
  const ParameterSets sets = TRY(parameter_sets_from_config(avcc));
  if (sets.sps.empty()) return unsupported("avcC: no SPS inside");
  return describe(TRY(parse_sps(sets.sps[0])), ByteVector{avcc.begin(), avcc.end()});
}

}  // namespace tarn::codecs::avc
