// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/av1.h"

#include <optional>
#include <string>

#include "core/codecs/nal.h"
#include "core/codecs/vui.h"

namespace tarn::codecs::av1 {
namespace {

constexpr std::uint32_t obu_sequence_header = 1;
constexpr std::uint32_t obu_temporal_delimiter = 2;
constexpr std::uint32_t max_dimension = 16'384;
constexpr std::uint32_t srgb_primaries = 1;
constexpr std::uint32_t srgb_transfer = 13;
constexpr std::uint32_t identity_matrix = 0;
constexpr std::uint32_t unspecified = 2;
constexpr std::uint32_t bt709 = 1;

// timing_info() (5.5.3) and decoder_model_info() (5.5.4); gives buffer_delay_length_minus_1 + 1, or 0.
std::uint32_t read_timing(BitReader& in, SequenceHeader& header) {
  const std::uint32_t units_in_tick = in.bits(32);
  const std::uint32_t time_scale = in.bits(32);
  header.tools.equal_picture_interval = in.flag();
  if (header.tools.equal_picture_interval) {
    VideoUsability rate;
    const std::uint64_t ticks = std::uint64_t{in.ue()} + 1;
    if (in.ok() && ticks <= UINT32_MAX) {
      set_frame_rate(rate, units_in_tick, time_scale, static_cast<std::uint32_t>(ticks));
    }
    header.frame_rate_numerator = rate.frame_rate_numerator;
    header.frame_rate_denominator = rate.frame_rate_denominator;
  }
  header.tools.has_decoder_model_info = in.flag();
  if (!header.tools.has_decoder_model_info) return 0;
  const std::uint32_t delay_bits = in.bits(5) + 1;
  in.skip(32);  // num_units_in_decoding_tick
  header.tools.buffer_removal_time_bits = in.bits(5) + 1;
  header.tools.frame_presentation_time_bits = in.bits(5) + 1;
  return delay_bits;
}

void read_operating_points(BitReader& in, SequenceHeader& header) {
  const bool has_timing = in.flag();
  const std::uint32_t delay_bits = has_timing ? read_timing(in, header) : 0;
  const bool has_display_delay = in.flag();
  header.tools.point_count = in.bits(5) + 1;
  for (std::uint32_t i = 0; i < header.tools.point_count; ++i) {
    SequenceTools::OperatingPoint& point = header.tools.points[i];
    point.idc = in.bits(12);
    const auto level = static_cast<std::uint8_t>(in.bits(5));
    const bool high_tier = level > 7 && in.flag();
    if (i == 0) {
      header.level = level;
      header.high_tier = high_tier;
    }
    point.has_decoder_model = delay_bits > 0 && in.flag();
    if (point.has_decoder_model) in.skip(2 * std::size_t{delay_bits} + 1);
    if (has_display_delay && in.flag()) in.skip(4);
  }
}

// From use_128x128_superblock to enable_restoration.
void read_tools(BitReader& in, SequenceTools& tools) {
  tools.use_128x128_superblock = in.flag();
  in.skip(2);  // filter_intra, intra_edge_filter
  if (!tools.reduced_still_picture) {
    in.skip(2);  // interintra, masked
    tools.enable_warped_motion = in.flag();
    in.skip(1);  // dual_filter
    const bool order_hint = in.flag();
    if (order_hint) {
      in.skip(1);  // jnt_comp
      tools.enable_ref_frame_mvs = in.flag();
    }
    const bool chooses_screen = in.flag();
    tools.force_screen_content_tools = chooses_screen ? 2 : in.bits(1);
    if (tools.force_screen_content_tools > 0) {
      const bool chooses_integer = in.flag();
      tools.force_integer_mv = chooses_integer ? 2 : in.bits(1);
    }
    if (order_hint) tools.order_hint_bits = in.bits(3) + 1;
  }
  tools.enable_superres = in.flag();
  tools.enable_cdef = in.flag();
  tools.enable_restoration = in.flag();
}

// color_config(), 5.5.2
void read_colour(BitReader& in, SequenceHeader& header) {
  const bool high_bit_depth = in.flag();
  const bool twelve = header.profile == 2 && high_bit_depth && in.flag();
  header.bit_depth = twelve ? 12 : high_bit_depth ? 10 : 8;
  header.monochrome = header.profile != 1 && in.flag();
  if (in.flag()) {
    header.colour_primaries = in.bits(8);
    header.transfer_characteristics = in.bits(8);
    header.matrix_coefficients = in.bits(8);
  }
  if (header.monochrome) {
    header.full_range = in.flag();
    return;
  }
  if (header.colour_primaries == srgb_primaries && header.transfer_characteristics == srgb_transfer &&
      header.matrix_coefficients == identity_matrix) {
    header.full_range = true;
    header.subsampling_x = header.subsampling_y = false;
    header.tools.separate_uv_delta_q = in.flag();
    return;
  }
  header.full_range = in.flag();
  if (header.profile == 1) {
    header.subsampling_x = header.subsampling_y = false;
  } else if (header.profile == 2) {
    header.subsampling_x = header.bit_depth != 12 || in.flag();
    header.subsampling_y = header.bit_depth == 12 && header.subsampling_x && in.flag();
  }
  if (header.subsampling_x && header.subsampling_y) header.chroma_sample_position = in.bits(2);
  header.tools.separate_uv_delta_q = in.flag();
}

std::string two_digits(std::uint32_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

// AV1 Codec ISO Media File Format Binding 5: the colour part is written whole or not at all.
std::string codec_string(const SequenceHeader& h) {
  std::string text = "av01." + std::to_string(h.profile) + "." + two_digits(h.level) +
                     (h.high_tier ? "H" : "M") + "." + two_digits(h.bit_depth);
  const auto is_default = [](std::uint32_t code) { return code == unspecified || code == bt709; };
  const bool usual = !h.monochrome && h.subsampling_x && h.subsampling_y && h.chroma_sample_position == 0;
  if (usual && !h.full_range && is_default(h.colour_primaries) && is_default(h.transfer_characteristics) &&
      is_default(h.matrix_coefficients)) {
    return text;
  }
  text += h.monochrome ? ".1." : ".0.";
  text += h.subsampling_x ? "1" : "0";
  text += h.subsampling_y ? "1" : "0";
  text += std::to_string(h.subsampling_x && h.subsampling_y ? h.chroma_sample_position : 0);
  for (const std::uint32_t code : {h.colour_primaries, h.transfer_characteristics, h.matrix_coefficients}) {
    text += "." + two_digits(code);
  }
  return text + (h.full_range ? ".1" : ".0");
}

}  // namespace

Result<Obu> next_obu(Bytes& bytes) {
  Reader in{bytes};
  Obu obu;
  const std::uint8_t head = in.u8();
  obu.type = head >> 3U & 0x0FU;
  if ((head & 4U) != 0) {
    const std::uint8_t extension = in.u8();
    obu.temporal_id = extension >> 5U;
    obu.spatial_id = extension >> 3U & 3U;
  }
  std::uint64_t size = in.remaining();
  if ((head & 2U) != 0) {
    size = 0;
    std::uint8_t byte = 0x80;
    for (unsigned i = 0; i < 8 && (byte & 0x80U) != 0; ++i) {
      byte = in.u8();
      size |= std::uint64_t{byte & 0x7FU} << (7 * i);
    }
  }
  obu.payload = in.take(size);
  if (!in.ok()) return truncated("AV1: an OBU is longer than what it lies in");
  bytes = bytes.last(in.remaining());
  return obu;
}

Result<SequenceHeader> parse_sequence_header(Bytes payload) {
  BitReader in{payload};
  SequenceHeader header;
  header.profile = static_cast<std::uint8_t>(in.bits(3));
  in.skip(1);  // still_picture
  SequenceTools& tools = header.tools;
  const bool reduced = tools.reduced_still_picture = in.flag();
  if (reduced) {
    header.level = static_cast<std::uint8_t>(in.bits(5));
  } else {
    read_operating_points(in, header);
  }
  tools.width_bits = in.bits(4) + 1;
  tools.height_bits = in.bits(4) + 1;
  header.width = in.bits(tools.width_bits) + 1;
  header.height = in.bits(tools.height_bits) + 1;
  tools.has_frame_ids = !reduced && in.flag();
  if (tools.has_frame_ids) {
    tools.delta_frame_id_bits = in.bits(4) + 2;
    tools.frame_id_bits = in.bits(3) + tools.delta_frame_id_bits + 1;
  }
  read_tools(in, tools);
  read_colour(in, header);
  tools.has_film_grain = in.flag();
  if (!in.ok()) return truncated("AV1: the sequence header ends inside its fields");
  if (header.profile > 2) return unsupported("AV1: profile " + std::to_string(header.profile));
  if (header.width > max_dimension || header.height > max_dimension) {
    return Error{ErrorCode::limit, "AV1: picture size out of range"};
  }
  return header;
}

Result<TemporalUnit> read_temporal_unit(Bytes unit) {
  TemporalUnit read;
  read.sample.reserve(unit.size());
  while (!unit.empty()) {
    const Bytes from = unit;
    const Obu obu = TRY(next_obu(unit));
    const Bytes whole = from.first(from.size() - unit.size());
    if (obu.type == obu_sequence_header) read.sequence_header.emplace(whole.begin(), whole.end());
    if (obu.type != obu_temporal_delimiter) read.sample.insert(read.sample.end(), whole.begin(), whole.end());
  }
  return read;
}

Result<ByteVector> configuration_record(Bytes sequence_header_obu) {
  Bytes rest = sequence_header_obu;
  const Obu obu = TRY(next_obu(rest));
  const SequenceHeader header = TRY(parse_sequence_header(obu.payload));
  const unsigned flags = (header.high_tier ? 0x80U : 0U) | (header.bit_depth > 8 ? 0x40U : 0U) |
                         (header.bit_depth > 10 ? 0x20U : 0U) | (header.monochrome ? 0x10U : 0U) |
                         (header.subsampling_x ? 8U : 0U) | (header.subsampling_y ? 4U : 0U) |
                         (header.chroma_sample_position & 3U);
  ByteVector record{0x81,
                    static_cast<std::uint8_t>(std::uint32_t{header.profile} << 5U | (header.level & 0x1FU)),
                    static_cast<std::uint8_t>(flags), 0};
  record.insert(record.end(), sequence_header_obu.begin(), sequence_header_obu.end());
  return record;
}

Result<StreamInfo> stream_info_from_config(Bytes av1c) {
  BitReader in{av1c};
  const std::uint32_t version = in.bits(8);
  SequenceHeader header;
  header.profile = static_cast<std::uint8_t>(in.bits(3));
  header.level = static_cast<std::uint8_t>(in.bits(5));
  header.high_tier = in.flag();
  const bool high_bit_depth = in.flag();
  const bool twelve = in.flag();
  header.bit_depth = twelve ? 12 : high_bit_depth ? 10 : 8;
  header.monochrome = in.flag();
  header.subsampling_x = in.flag();
  header.subsampling_y = in.flag();
  header.chroma_sample_position = in.bits(2);
  in.skip(8);  // initial_presentation_delay
  if (!in.ok()) return truncated("av1C: ends inside its fields");
  if (version != 0x81) return unsupported("av1C: version is not 1");
  for (Bytes obus = av1c.subspan(4); !obus.empty();) {
    const auto obu = next_obu(obus);
    if (!obu.ok()) break;
    if (obu->type != obu_sequence_header) continue;
    header = TRY(parse_sequence_header(obu->payload));
    break;
  }
  StreamInfo info;
  info.codec = Codec::av1;
  info.config.assign(av1c.begin(), av1c.end());
  info.codec_string = codec_string(header);
  info.width = header.width;
  info.height = header.height;
  info.frame_rate_numerator = header.frame_rate_numerator;
  info.frame_rate_denominator = header.frame_rate_denominator;
  info.colour_primaries = header.colour_primaries;
  info.transfer_characteristics = header.transfer_characteristics;
  info.matrix_coefficients = header.matrix_coefficients;
  return info;
}

}  // namespace tarn::codecs::av1
