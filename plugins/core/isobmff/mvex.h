// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.8.3. Tarn's defaults are all in the fragments (tfhd), so that a chunk can be
// read without its CMAF header.
struct Trex {
  static constexpr FourCC type = fourcc("trex");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t track_id = 1;
  std::uint32_t default_sample_description_index = 1;
  std::uint32_t default_sample_duration = 0;
  std::uint32_t default_sample_size = 0;
  std::uint32_t default_sample_flags = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("track_ID", track_id);
    io.field("default_sample_description_index", default_sample_description_index);
    io.field("default_sample_duration", default_sample_duration);
    io.field("default_sample_size", default_sample_size);
    io.field("default_sample_flags", default_sample_flags);
  }
};

struct Mvex {
  static constexpr FourCC type = fourcc("mvex");
  std::vector<Trex> trexes;  // one a track

  template <class Io>
  void fields(Io& io) {
    io.boxes(trexes);
  }
};

}  // namespace tarn::isobmff
