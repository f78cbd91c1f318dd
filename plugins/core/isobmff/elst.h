// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.6.6: where the presentation begins. Read only; Tarn's own headers have none.
struct Elst {
  static constexpr FourCC type = fourcc("elst");
  static constexpr std::int64_t empty = -1;  // media_time of a pause
  struct Entry {
    std::uint64_t segment_duration = 0;  // ticks of the movie
    std::int64_t media_time = 0;         // ticks of the track
  };
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t entry_count = 0;
  std::vector<Entry> entries;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("entry_count", entry_count);
    io.entries("edits", entries, entry_count, version == 0 ? 12 : 20);
    for (Entry& entry : entries) {
      auto time = static_cast<std::uint64_t>(entry.media_time);
      io.by_version("segment_duration", version, entry.segment_duration);
      io.by_version("media_time", version, time);
      io.reserved(4);  // media_rate
      entry.media_time =
          version == 0 ? std::int64_t{static_cast<std::int32_t>(time)} : static_cast<std::int64_t>(time);
    }
  }
};

struct Edts {
  static constexpr FourCC type = fourcc("edts");
  std::optional<Elst> elst;

  template <class Io>
  void fields(Io& io) {
    io.optional(elst);
  }
};

}  // namespace tarn::isobmff
