// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.4.3
struct Hdlr {
  static constexpr FourCC type = fourcc("hdlr");
  static constexpr FourCC video = fourcc("vide");
  static constexpr FourCC audio = fourcc("soun");
  static constexpr FourCC text = fourcc("text");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  FourCC handler_type = video;
  ByteVector name{0};  // zero-terminated

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.reserved(4);
    io.field("handler_type", handler_type);
    io.reserved(12);
    io.bytes("name", name);
  }
};

}  // namespace tarn::isobmff
