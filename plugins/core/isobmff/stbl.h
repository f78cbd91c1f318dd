// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/isobmff/stsd.h"

#include <optional>

namespace tarn::isobmff {

// stts, stsc and stco (ISO/IEC 14496-12 8.6.1.2, 8.7.4, 8.7.5) as a fragmented file has them: empty.
template <FourCC box_type>
struct EmptyTable {
  static constexpr FourCC type = box_type;
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t entry_count = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("entry_count", entry_count);
  }
};
using Stts = EmptyTable<fourcc("stts")>;
using Stsc = EmptyTable<fourcc("stsc")>;
using Stco = EmptyTable<fourcc("stco")>;

// 14496-12 8.7.3.2
struct Stsz {
  static constexpr FourCC type = fourcc("stsz");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t sample_size = 0;
  std::uint32_t sample_count = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("sample_size", sample_size);
    io.field("sample_count", sample_count);
  }
};

struct Stbl {
  static constexpr FourCC type = fourcc("stbl");
  Stsd stsd;
  Stts stts;
  Stsc stsc;
  std::optional<Stsz> stsz = Stsz{};  // some files have stz2 and co64 instead
  std::optional<Stco> stco = Stco{};

  template <class Io>
  void fields(Io& io) {
    io.box(stsd);
    io.box(stts);
    io.box(stsc);
    io.optional(stsz);
    io.optional(stco);
  }
};

}  // namespace tarn::isobmff
