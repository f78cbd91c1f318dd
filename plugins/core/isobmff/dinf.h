// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.7.2: the media data is in this file.
struct Url {
  static constexpr FourCC type = fourcc("url ");
  std::uint8_t version = 0;
  std::uint32_t flags = 1;  // self-contained

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
  }
};

struct Dref {
  static constexpr FourCC type = fourcc("dref");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t entry_count = 1;
  Url url;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("entry_count", entry_count);
    io.box(url);
  }
};

struct Dinf {
  static constexpr FourCC type = fourcc("dinf");
  Dref dref;

  template <class Io>
  void fields(Io& io) {
    io.box(dref);
  }
};

}  // namespace tarn::isobmff
