// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.8.12
struct Tfdt {
  static constexpr FourCC type = fourcc("tfdt");
  std::uint8_t version = 1;
  std::uint32_t flags = 0;
  std::uint64_t base_media_decode_time = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.by_version("baseMediaDecodeTime", version, base_media_decode_time);
  }
};

}  // namespace tarn::isobmff
