// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/isobmff/fourcc.h"

// Sample groups of a chunk (ISO/IEC 14496-12 8.9) as far as they are written here: one description, in the
// chunk itself, that holds for all of its samples.
namespace tarn::isobmff {

// 14496-12 8.9.3, version 1
struct Sgpd {
  static constexpr FourCC type = fourcc("sgpd");
  std::uint8_t version = 1;
  std::uint32_t flags = 0;
  FourCC grouping_type = 0;
  std::uint32_t default_length = 0;
  std::uint32_t entry_count = 1;
  ByteVector entry;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("grouping_type", grouping_type);
    io.field("default_length", default_length);
    io.field("entry_count", entry_count);
    io.bytes("entry", entry);
  }
};

// 14496-12 8.9.2
struct Sbgp {
  static constexpr FourCC type = fourcc("sbgp");
  static constexpr std::uint32_t first_of_the_fragment = 0x10001;  // 8.9.4
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  FourCC grouping_type = 0;
  std::uint32_t entry_count = 1;
  std::uint32_t sample_count = 0;
  std::uint32_t group_description_index = first_of_the_fragment;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("grouping_type", grouping_type);
    io.field("entry_count", entry_count);
    io.field("sample_count", sample_count);
    io.field("group_description_index", group_description_index);
  }
};

}  // namespace tarn::isobmff
