// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// Unity transformation (ISO/IEC 14496-12 6.2.2).
constexpr std::array<std::uint32_t, 9> unity_matrix{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};

// ISO/IEC 14496-12 8.2.2
struct Mvhd {
  static constexpr FourCC type = fourcc("mvhd");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint64_t creation_time = 0;
  std::uint64_t modification_time = 0;
  std::uint32_t timescale = 0;
  std::uint64_t duration = 0;
  std::int32_t rate = 0x10000;
  std::int16_t volume = 0x100;
  std::array<std::uint32_t, 9> matrix = unity_matrix;
  std::uint32_t next_track_id = 2;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.by_version("creation_time", version, creation_time);
    io.by_version("modification_time", version, modification_time);
    io.field("timescale", timescale);
    io.by_version("duration", version, duration);
    io.field("rate", rate);
    io.field("volume", volume);
    io.reserved(10);
    for (std::uint32_t& value : matrix) io.field("matrix", value);
    io.reserved(24);
    io.field("next_track_ID", next_track_id);
  }
};

}  // namespace tarn::isobmff
