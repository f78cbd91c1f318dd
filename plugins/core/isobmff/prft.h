// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.16.5. Tarn's dates are those of its timeline, neither those of an encoder nor those at
// which something was written: the flags say that times and dates go together in the same way in all of a
// track.
struct Prft {
  static constexpr FourCC type = fourcc("prft");
  std::uint8_t version = 1;
  std::uint32_t flags = 8;
  std::uint32_t reference_track_id = 1;  // Tarn writes one track per file, always 1
  std::uint64_t ntp_timestamp = 0;       // RFC 5905, figure 3: seconds since 1900, and 2^-32 of them
  std::uint64_t media_time = 0;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("reference_track_ID", reference_track_id);
    io.field("ntp_timestamp", ntp_timestamp);
    io.by_version("media_time", version, media_time);
  }
};

}  // namespace tarn::isobmff
