// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

// AV1: the sequence header (AV1 specification 5.5) and the configuration record "av1C" (AV1 Codec ISO Media
// File Format Binding 2.3).
namespace tarn::codecs::av1 {

// What frame headers are read with (AV1 specification 5.9); names are the specification's.
struct SequenceTools {
  struct OperatingPoint {
    std::uint32_t idc = 0;
    bool has_decoder_model = false;
  };
  std::array<OperatingPoint, 32> points{};
  std::uint32_t point_count = 1;
  bool reduced_still_picture = false;
  bool has_decoder_model_info = false;
  bool equal_picture_interval = false;
  std::uint32_t buffer_removal_time_bits = 0;
  std::uint32_t frame_presentation_time_bits = 0;
  std::uint32_t width_bits = 1;
  std::uint32_t height_bits = 1;
  bool has_frame_ids = false;
  std::uint32_t delta_frame_id_bits = 0;
  std::uint32_t frame_id_bits = 0;
  bool use_128x128_superblock = false;
  bool enable_warped_motion = false;
  bool enable_ref_frame_mvs = false;
  std::uint32_t order_hint_bits = 0;             // 0: no order hints
  std::uint32_t force_screen_content_tools = 2;  // 2: chosen by each frame
  std::uint32_t force_integer_mv = 2;            // 2: chosen by each frame
  bool enable_superres = false;
  bool enable_cdef = false;
  bool enable_restoration = false;
  bool separate_uv_delta_q = false;
  bool has_film_grain = false;
};

// sequence_header_obu(): what packaging and encryption read of it.
struct SequenceHeader {
  std::uint8_t profile = 0;
  std::uint8_t level = 0;  // seq_level_idx of the first operating point
  bool high_tier = false;
  std::uint32_t bit_depth = 8;
  bool monochrome = false;
  bool subsampling_x = true;
  bool subsampling_y = true;
  std::uint32_t chroma_sample_position = 0;
  bool full_range = false;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t frame_rate_numerator = 0;  // 0: not given, or not constant
  std::uint32_t frame_rate_denominator = 1;
  std::uint32_t colour_primaries = 2;
  std::uint32_t transfer_characteristics = 2;
  std::uint32_t matrix_coefficients = 2;
  SequenceTools tools;
};
// `payload`: of the OBU, without its header
Result<SequenceHeader> parse_sequence_header(Bytes payload);

// One OBU of a sample or a configuration record (5.3).
struct Obu {
  std::uint32_t type = 0;
  std::uint32_t temporal_id = 0;
  std::uint32_t spatial_id = 0;
  Bytes payload;
};
// Takes the first OBU off `bytes`; one that does not say its size reaches to the end. Errors: truncated.
Result<Obu> next_obu(Bytes& bytes);

// A temporal unit as encoders and parsers give it (low-overhead format, 5.2), as ISOBMFF carries it (2.4 of
// the binding): without its temporal delimiters. Errors: truncated, malformed.
struct TemporalUnit {
  ByteVector sample;
  std::optional<ByteVector> sequence_header;  // the OBU with its header; the last one, if it has any
};
Result<TemporalUnit> read_temporal_unit(Bytes unit);

// "av1C" of a stream with this sequence header OBU, which goes into it. Errors: as of parse_sequence_header.
Result<ByteVector> configuration_record(Bytes sequence_header_obu);

// Size and frame rate come from the sequence header inside; a record without one leaves them to the
// container. `config` is taken over byte for byte.
Result<StreamInfo> stream_info_from_config(Bytes av1c);

}  // namespace tarn::codecs::av1
