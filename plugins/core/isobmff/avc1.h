// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/bytes.h"
#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1), kept as it is.
struct AvcC {
  static constexpr FourCC type = fourcc("avcC");
  ByteVector record;

  template <class Io>
  void fields(Io& io) {
    io.bytes("AVCConfig", record);
  }
};

// Pixel aspect ratio, ISO/IEC 14496-12 12.1.4
struct Pasp {
  static constexpr FourCC type = fourcc("pasp");
  std::uint32_t h_spacing = 1;
  std::uint32_t v_spacing = 1;

  template <class Io>
  void fields(Io& io) {
    io.field("hSpacing", h_spacing);
    io.field("vSpacing", v_spacing);
  }
};

// AVC sample entry (14496-15 5.4.2) with the fields of VisualSampleEntry (14496-12 12.1.3). Parameter
// sets are in avcC only.
struct Avc1 {
  static constexpr FourCC type = fourcc("avc1");
  static constexpr std::uint32_t dpi_72 = 0x480000;
  std::uint16_t data_reference_index = 1;
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  std::uint32_t horizresolution = dpi_72;
  std::uint32_t vertresolution = dpi_72;
  std::uint16_t frame_count = 1;
  std::uint16_t depth = 24;
  std::uint16_t pre_defined = 0xffff;
  AvcC avc_c;
  std::optional<Pasp> pasp;

  template <class Io>
  void fields(Io& io) {
    io.reserved(6);
    io.field("data_reference_index", data_reference_index);
    io.reserved(16);
    io.field("width", width);
    io.field("height", height);
    io.field("horizresolution", horizresolution);
    io.field("vertresolution", vertresolution);
    io.reserved(4);
    io.field("frame_count", frame_count);
    io.reserved(32);  // compressorname
    io.field("depth", depth);
    io.field("pre_defined", pre_defined);
    io.box(avc_c);
    io.optional(pasp);
  }
};

}  // namespace tarn::isobmff
