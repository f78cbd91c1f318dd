// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/isobmff/esds.h"

namespace tarn::isobmff {

// MPEG-4 audio sample entry (ISO/IEC 14496-14 6.7.2) with the fields of AudioSampleEntry
// (14496-12 12.2.3).
struct Mp4a {
  static constexpr FourCC type = fourcc("mp4a");
  std::uint16_t data_reference_index = 1;
  std::uint16_t channelcount = 2;
  std::uint16_t samplesize = 16;
  std::uint32_t samplerate = 0;  // 16.16; 0 when it does not fit
  Esds esds;

  template <class Io>
  void fields(Io& io) {
    io.reserved(6);
    io.field("data_reference_index", data_reference_index);
    io.reserved(8);
    io.field("channelcount", channelcount);
    io.field("samplesize", samplesize);
    io.reserved(4);
    io.field("samplerate", samplerate);
    io.box(esds);
  }
};

}  // namespace tarn::isobmff
