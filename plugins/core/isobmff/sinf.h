// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "core/base/bytes.h"
#include "core/isobmff/fourcc.h"

// Common encryption in a sample entry: ISO/IEC 14496-12 8.12 and ISO/IEC 23001-7 8.2.
namespace tarn::isobmff {

// 14496-12 8.12.2: the sample entry's type before it became encv or enca.
struct Frma {
  static constexpr FourCC type = fourcc("frma");
  FourCC data_format = 0;

  template <class Io>
  void fields(Io& io) {
    io.field("data_format", data_format);
  }
};

// 14496-12 8.12.5
struct Schm {
  static constexpr FourCC type = fourcc("schm");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  FourCC scheme_type = 0;
  std::uint32_t scheme_version = 0x00010000;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("scheme_type", scheme_type);
    io.field("scheme_version", scheme_version);
  }
};

// 23001-7 8.2. Version 0 has no pattern; the constant IV is there when samples have none of their own.
struct Tenc {
  static constexpr FourCC type = fourcc("tenc");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint8_t pattern = 0;  // crypt blocks in the upper half, skipped ones in the lower
  std::uint8_t is_protected = 1;
  std::uint8_t per_sample_iv_size = 0;
  std::array<std::uint8_t, 16> kid{};
  std::uint8_t constant_iv_size = 16;
  std::array<std::uint8_t, 16> constant_iv{};

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.reserved(1);
    io.field("default_crypt_and_skip_byte_block", pattern);
    io.field("default_isProtected", is_protected);
    io.field("default_Per_Sample_IV_Size", per_sample_iv_size);
    for (std::uint8_t& byte : kid) io.field("default_KID", byte);
    if (per_sample_iv_size != 0) return;
    io.field("default_constant_IV_size", constant_iv_size);
    for (std::uint8_t& byte : constant_iv) io.field("default_constant_IV", byte);
  }
};

// 14496-12 8.12.6
struct Schi {
  static constexpr FourCC type = fourcc("schi");
  Tenc tenc;

  template <class Io>
  void fields(Io& io) {
    io.box(tenc);
  }
};

// 14496-12 8.12.1
struct Sinf {
  static constexpr FourCC type = fourcc("sinf");
  Frma frma;
  Schm schm;
  Schi schi;

  template <class Io>
  void fields(Io& io) {
    io.box(frma);
    io.box(schm);
    io.box(schi);
  }
};

}  // namespace tarn::isobmff
