// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/isobmff/mvhd.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.3.2
struct Tkhd {
  static constexpr FourCC type = fourcc("tkhd");
  static constexpr std::uint32_t enabled_in_movie_and_preview = 7;
  std::uint8_t version = 0;
  std::uint32_t flags = enabled_in_movie_and_preview;
  std::uint64_t creation_time = 0;
  std::uint64_t modification_time = 0;
  std::uint32_t track_id = 1;
  std::uint64_t duration = 0;
  std::int16_t layer = 0;
  std::int16_t alternate_group = 0;
  std::int16_t volume = 0;  // 0x100 for audio
  std::array<std::uint32_t, 9> matrix = unity_matrix;
  std::uint32_t width = 0;  // 16.16, as displayed
  std::uint32_t height = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.by_version("creation_time", version, creation_time);
    io.by_version("modification_time", version, modification_time);
    io.field("track_ID", track_id);
    io.reserved(4);
    io.by_version("duration", version, duration);
    io.reserved(8);
    io.field("layer", layer);
    io.field("alternate_group", alternate_group);
    io.field("volume", volume);
    io.reserved(2);
    for (std::uint32_t& value : matrix) io.field("matrix", value);
    io.field("width", width);
    io.field("height", height);
  }
};

}  // namespace tarn::isobmff
