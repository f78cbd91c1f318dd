// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace tarn::crypto {

// How long slice headers of one H.264 track are: they stay in the clear (ISO/IEC 23001-7 9.5.2), and their
// length is known only to who has read every field of them (14496-10 7.3.3).
class AvcSliceHeaders {
 public:
  // From the parameter sets of a configuration record (14496-15 5.3.3.1).
  static Result<AvcSliceHeaders> from_config(Bytes avcc);

  [[nodiscard]] std::uint32_t nal_length_size() const { return nal_length_size_; }

  // Bytes of `nal` (types 1 and 5) up to and with the one that the slice header ends in, emulation
  // prevention counted; nothing when the header cannot be read.
  [[nodiscard]] std::optional<std::size_t> header_size(Bytes nal) const;

 private:
  struct Sps {
    bool separate_colour_planes = false;
    bool has_chroma = true;  // ChromaArrayType is not 0
    unsigned frame_num_bits = 4;
    unsigned poc_type = 0;
    unsigned poc_lsb_bits = 4;
    bool delta_poc_always_zero = false;
    bool frame_mbs_only = true;
  };
  struct Pps {
    std::uint32_t sps = 0;
    bool cabac = false;
    bool bottom_field_poc = false;
    bool has_slice_groups = false;
    std::array<std::uint32_t, 2> reference_count{1, 1};
    bool weighted_p = false;
    unsigned weighted_b = 0;
    bool deblocking_control = false;
    bool redundant_pictures = false;
  };
  class HeaderReader;

  bool add_sps(Bytes nal);
  bool add_pps(Bytes nal);

  std::uint32_t nal_length_size_ = 4;
  std::array<std::optional<Sps>, 32> sps_;
  std::array<std::optional<Pps>, 256> pps_;
};

}  // namespace tarn::crypto
