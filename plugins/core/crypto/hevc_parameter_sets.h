// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/codecs/nal.h"

// What the length of an HEVC slice header depends on (ITU-T H.265 7.3.2, 7.3.7). NAL units are given without
// start code, with emulation prevention. Nothing: broken, or of an extension whose headers are not known
// here.
namespace tarn::crypto {

// st_ref_pic_set(): the pictures before and after, nearest first.
struct HevcPictureSet {
  struct Picture {
    std::int32_t delta = 0;  // of the picture order count
    bool used = false;       // by the picture itself
  };
  std::vector<Picture> before;
  std::vector<Picture> after;

  [[nodiscard]] std::uint32_t used_count() const;
};
// REQUIRES: index <= known.size(); equal to it in a slice header
std::optional<HevcPictureSet> read_picture_set(codecs::BitReader& in, std::size_t index,
                                               const std::vector<HevcPictureSet>& known, bool in_slice);

struct HevcSps {
  std::uint32_t id = 0;
  bool separate_colour_planes = false;
  bool has_chroma = true;  // ChromaArrayType is not 0
  unsigned address_bits = 0;
  unsigned poc_lsb_bits = 4;
  bool sample_adaptive_offset = false;
  std::vector<HevcPictureSet> picture_sets;
  bool long_term_pictures = false;
  std::vector<bool> long_term_used;
  bool temporal_mvp = false;
};
std::optional<HevcSps> parse_hevc_sps(Bytes nal);

struct HevcPps {
  std::uint32_t id = 0;
  std::uint32_t sps = 0;
  bool dependent_slices = false;
  bool output_flag = false;
  unsigned extra_bits = 0;
  bool cabac_init = false;
  std::uint32_t reference_count[2] = {1, 1};
  bool chroma_qp_offsets = false;
  bool weighted_p = false;
  bool weighted_b = false;
  bool has_entry_points = false;  // tiles, or rows of their own
  bool loop_filter_across = false;
  bool deblocking_override = false;
  bool deblocking_disabled = false;
  bool list_modification = false;
  bool header_extension = false;
  bool chroma_qp_offset_list = false;
};
std::optional<HevcPps> parse_hevc_pps(Bytes nal);

// Bits that a value below `count` takes.
constexpr unsigned ceil_log2(std::uint32_t count) {
  unsigned bits = 0;
  while (bits < 32 && (std::uint64_t{1} << bits) < count) ++bits;
  return bits;
}

}  // namespace tarn::crypto
