// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "core/isobmff/dinf.h"
#include "core/isobmff/elst.h"
#include "core/isobmff/hdlr.h"
#include "core/isobmff/mdhd.h"
#include "core/isobmff/mvex.h"
#include "core/isobmff/stbl.h"
#include "core/isobmff/tkhd.h"

// The boxes of a CMAF header that hold other boxes (ISO/IEC 14496-12 8.2 to 8.4).
namespace tarn::isobmff {

struct Vmhd {
  static constexpr FourCC type = fourcc("vmhd");
  std::uint8_t version = 0;
  std::uint32_t flags = 1;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.reserved(8);
  }
};

struct Smhd {
  static constexpr FourCC type = fourcc("smhd");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.reserved(4);
  }
};

// 14496-12 8.4.5.2: tracks of text have nothing to say here
struct Nmhd {
  static constexpr FourCC type = fourcc("nmhd");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
  }
};

struct Minf {
  static constexpr FourCC type = fourcc("minf");
  std::optional<Vmhd> vmhd;
  std::optional<Smhd> smhd;
  std::optional<Nmhd> nmhd;
  Dinf dinf;
  Stbl stbl;

  template <class Io>
  void fields(Io& io) {
    io.optional(vmhd);
    io.optional(smhd);
    io.optional(nmhd);
    io.box(dinf);
    io.box(stbl);
  }
};

struct Mdia {
  static constexpr FourCC type = fourcc("mdia");
  Mdhd mdhd;
  Hdlr hdlr;
  std::optional<Elng> elng;
  Minf minf;

  template <class Io>
  void fields(Io& io) {
    io.box(mdhd);
    io.box(hdlr);
    io.optional(elng);
    io.box(minf);
  }
};

struct Trak {
  static constexpr FourCC type = fourcc("trak");
  Tkhd tkhd;
  std::optional<Edts> edts;
  Mdia mdia;

  template <class Io>
  void fields(Io& io) {
    io.box(tkhd);
    io.optional(edts);
    io.box(mdia);
  }
};

struct Moov {
  static constexpr FourCC type = fourcc("moov");
  Mvhd mvhd;
  std::vector<Trak> traks;
  std::optional<Mvex> mvex;

  template <class Io>
  void fields(Io& io) {
    io.box(mvhd);
    io.boxes(traks);
    io.optional(mvex);
  }
};

}  // namespace tarn::isobmff
