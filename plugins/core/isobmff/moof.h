// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/isobmff/tfdt.h"
#include "core/isobmff/tfhd.h"
#include "core/isobmff/trun.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.8.5
struct Mfhd {
  static constexpr FourCC type = fourcc("mfhd");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t sequence_number = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("sequence_number", sequence_number);
  }
};

// 14496-12 8.8.6
struct Traf {
  static constexpr FourCC type = fourcc("traf");
  Tfhd tfhd;
  Tfdt tfdt;
  std::vector<Trun> truns;

  template <class Io>
  void fields(Io& io) {
    io.box(tfhd);
    io.box(tfdt);
    io.boxes(truns);
  }
};

// 14496-12 8.8.4
struct Moof {
  static constexpr FourCC type = fourcc("moof");
  Mfhd mfhd;
  std::vector<Traf> trafs;

  template <class Io>
  void fields(Io& io) {
    io.box(mfhd);
    io.boxes(trafs);
  }
};

}  // namespace tarn::isobmff
