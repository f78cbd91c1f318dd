// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.8.7
struct Tfhd {
  static constexpr FourCC type = fourcc("tfhd");
  static constexpr std::uint32_t base_data_offset_present = 0x000001;
  static constexpr std::uint32_t sample_description_index_present = 0x000002;
  static constexpr std::uint32_t default_duration_present = 0x000008;
  static constexpr std::uint32_t default_size_present = 0x000010;
  static constexpr std::uint32_t default_flags_present = 0x000020;
  static constexpr std::uint32_t default_base_is_moof = 0x020000;
  std::uint8_t version = 0;
  std::uint32_t flags = default_base_is_moof;
  std::uint32_t track_id = 1;
  std::uint64_t base_data_offset = 0;
  std::uint32_t sample_description_index = 1;
  std::uint32_t default_sample_duration = 0;
  std::uint32_t default_sample_size = 0;
  std::uint32_t default_sample_flags = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("track_ID", track_id);
    if ((flags & base_data_offset_present) != 0) io.field("base_data_offset", base_data_offset);
    if ((flags & sample_description_index_present) != 0) {
      io.field("sample_description_index", sample_description_index);
    }
    if ((flags & default_duration_present) != 0) io.field("default_sample_duration", default_sample_duration);
    if ((flags & default_size_present) != 0) io.field("default_sample_size", default_sample_size);
    if ((flags & default_flags_present) != 0) io.field("default_sample_flags", default_sample_flags);
  }
};

}  // namespace tarn::isobmff
