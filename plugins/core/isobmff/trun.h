// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <vector>

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// Sample flags (ISO/IEC 14496-12 8.8.3.1).
constexpr std::uint32_t depends_on_no_other = 0x02000000;
constexpr std::uint32_t depends_on_others = 0x01000000;
constexpr std::uint32_t is_non_sync_sample = 0x00010000;

// 14496-12 8.8.8. What the flags leave out is 0 here and comes from the tfhd.
struct Trun {
  static constexpr FourCC type = fourcc("trun");
  static constexpr std::uint32_t data_offset_present = 0x000001;
  static constexpr std::uint32_t first_sample_flags_present = 0x000004;
  static constexpr std::uint32_t duration_present = 0x000100;
  static constexpr std::uint32_t size_present = 0x000200;
  static constexpr std::uint32_t flags_present = 0x000400;
  static constexpr std::uint32_t composition_offset_present = 0x000800;
  static constexpr std::uint32_t per_sample = 0x000f00;
  struct Entry {
    std::uint32_t duration = 0;
    std::uint32_t size = 0;
    std::uint32_t flags = 0;
    std::int32_t composition_offset = 0;  // unsigned in version 0, where none is that large
  };
  std::uint8_t version = 1;
  std::uint32_t flags = data_offset_present;
  std::uint32_t sample_count = 0;
  std::int32_t data_offset = 0;
  std::uint32_t first_sample_flags = 0;
  std::vector<Entry> entries{};

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("sample_count", sample_count);
    if (has(data_offset_present)) io.field("data_offset", data_offset);
    if (has(first_sample_flags_present)) io.field("first_sample_flags", first_sample_flags);
    io.entries("samples", entries, sample_count,
               4U * static_cast<unsigned>(std::popcount(flags & per_sample)));
    for (Entry& entry : entries) {
      if (has(duration_present)) io.field("sample_duration", entry.duration);
      if (has(size_present)) io.field("sample_size", entry.size);
      if (has(flags_present)) io.field("sample_flags", entry.flags);
      if (has(composition_offset_present)) io.field("composition_offset", entry.composition_offset);
    }
  }
  [[nodiscard]] bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
};

}  // namespace tarn::isobmff
