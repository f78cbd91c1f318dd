// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/base/bytes.h"
#include "core/isobmff/fourcc.h"

// What a chunk says of how its samples are encrypted: ISO/IEC 23001-7 7.2 and 14496-12 8.7.8, 8.7.9.
namespace tarn::isobmff {

// 14496-12 8.7.8: sizes of the samples' entries in senc.
struct Saiz {
  static constexpr FourCC type = fourcc("saiz");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint8_t default_sample_info_size = 0;
  std::uint32_t sample_count = 0;
  ByteVector sizes;  // one a sample when the default is 0

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("default_sample_info_size", default_sample_info_size);
    io.field("sample_count", sample_count);
    io.bytes("sample_info_size", sizes);
  }
};

// 14496-12 8.7.9: where the entries begin, counted from the moof.
struct Saio {
  static constexpr FourCC type = fourcc("saio");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t entry_count = 1;
  std::uint32_t offset = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("entry_count", entry_count);
    io.field("offset", offset);
  }
};

// 23001-7 7.2.1
struct Senc {
  static constexpr FourCC type = fourcc("senc");
  static constexpr std::uint32_t use_subsamples = 0x000002;
  static constexpr std::size_t entries_offset = 16;  // from the box's start
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t sample_count = 0;
  ByteVector entries;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("sample_count", sample_count);
    io.bytes("samples", entries);
  }
};

}  // namespace tarn::isobmff
