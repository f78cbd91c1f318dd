// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/isobmff/avc1.h"
#include "core/isobmff/mp4a.h"
#include "core/isobmff/sample_entries.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 8.5.2: one sample entry, one of those below.
struct Stsd {
  static constexpr FourCC type = fourcc("stsd");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t entry_count = 1;
  FourCC entry_type = 0;  // set when read, whether it is known or not
  std::optional<Avc1> avc1;
  std::optional<Avc3> avc3;
  std::optional<Hvc1> hvc1;
  std::optional<Hev1> hev1;
  std::optional<Av01> av01;
  std::optional<Vp09> vp09;
  std::optional<Mp4a> mp4a;
  std::optional<Ac3> ac3;
  std::optional<Ec3> ec3;
  std::optional<OpusEntry> opus;
  std::optional<WvttEntry> wvtt;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.field("entry_count", entry_count);
    io.first_child(entry_type);
    io.optional(avc1);
    io.optional(avc3);
    io.optional(hvc1);
    io.optional(hev1);
    io.optional(av01);
    io.optional(vp09);
    io.optional(mp4a);
    io.optional(ac3);
    io.optional(ec3);
    io.optional(opus);
    io.optional(wvtt);
  }
};

}  // namespace tarn::isobmff
