// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-14 6.7.2: an ES_Descriptor in a FullBox.
struct Esds {
  static constexpr FourCC type = fourcc("esds");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  ByteVector es_descriptor;

  template <class Io>
  void fields(Io& io) {
    io.version_and_flags(version, flags);
    io.bytes("ES_Descriptor", es_descriptor);
  }
};

// The part of an ES_Descriptor (ISO/IEC 14496-1 7.2.6.5) that says what a decoder must know.
struct DecoderConfig {
  static constexpr std::uint8_t mpeg4_audio = 0x40;
  static constexpr std::uint8_t mpeg2_layer3 = 0x69;  // half the rates of MPEG-1
  static constexpr std::uint8_t mpeg1_layer3 = 0x6B;
  std::uint8_t object_type_indication = mpeg4_audio;
  ByteVector specific_info;  // AudioSpecificConfig; MP3 has none
};

ByteVector write_es_descriptor(const DecoderConfig& config);
Result<DecoderConfig> parse_es_descriptor(Bytes bytes);

}  // namespace tarn::isobmff
