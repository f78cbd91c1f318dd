// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.4.2
struct Mdhd {
  static constexpr FourCC type = fourcc("mdhd");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint64_t creation_time = 0;
  std::uint64_t modification_time = 0;
  std::uint32_t timescale = 0;
  std::uint64_t duration = 0;
  std::uint16_t language = 0;  // packed, see language.h

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.by_version("creation_time", version, creation_time);
    io.by_version("modification_time", version, modification_time);
    io.field("timescale", timescale);
    io.by_version("duration", version, duration);
    io.field("language", language);
    io.reserved(2);
  }
};

// ISO/IEC 14496-12 8.4.6: a BCP 47 tag, where three letters do not say it all.
struct Elng {
  static constexpr FourCC type = fourcc("elng");
  // Version and flags, all 0, which some writers leave out, and the tag with its final zero.
  ByteVector content;

  template <class Io>
  void fields(Io& io) {
    io.bytes("extended_language", content);
  }
};

}  // namespace tarn::isobmff
