// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/bytes.h"
#include "core/isobmff/avc1.h"
#include "core/isobmff/fourcc.h"

// Sample entries whose configuration is one box of a record that Tarn keeps as it is.
namespace tarn::isobmff {

template <FourCC box_type>
struct ConfigBox {
  static constexpr FourCC type = box_type;
  ByteVector record;

  template <class Io>
  void fields(Io& io) {
    io.bytes("record", record);
  }
};

// VisualSampleEntry (ISO/IEC 14496-12 12.1.3)
template <FourCC entry_type, FourCC config_type>
struct VisualEntry {
  static constexpr FourCC type = entry_type;
  static constexpr std::uint32_t dpi_72 = 0x480000;
  std::uint16_t data_reference_index = 1;
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  std::uint32_t horizresolution = dpi_72;
  std::uint32_t vertresolution = dpi_72;
  std::uint16_t frame_count = 1;
  std::uint16_t depth = 24;
  std::uint16_t pre_defined = 0xffff;
  ConfigBox<config_type> config;
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
    io.box(config);
    io.optional(pasp);
  }
};
// Parameter sets in the record only, or also in the samples (14496-15 8.4.1)
using Avc3 = VisualEntry<fourcc("avc3"), fourcc("avcC")>;
using Hvc1 = VisualEntry<fourcc("hvc1"), fourcc("hvcC")>;
using Hev1 = VisualEntry<fourcc("hev1"), fourcc("hvcC")>;
using Av01 = VisualEntry<fourcc("av01"), fourcc("av1C")>;
using Vp09 = VisualEntry<fourcc("vp09"), fourcc("vpcC")>;

// AudioSampleEntry (14496-12 12.2.3)
template <FourCC entry_type, FourCC config_type>
struct AudioEntry {
  static constexpr FourCC type = entry_type;
  std::uint16_t data_reference_index = 1;
  std::uint16_t channelcount = 2;
  std::uint16_t samplesize = 16;
  std::uint32_t samplerate = 0;  // 16.16; 0 when it does not fit
  ConfigBox<config_type> config;

  template <class Io>
  void fields(Io& io) {
    io.reserved(6);
    io.field("data_reference_index", data_reference_index);
    io.reserved(8);
    io.field("channelcount", channelcount);
    io.field("samplesize", samplesize);
    io.reserved(4);
    io.field("samplerate", samplerate);
    io.box(config);
  }
};
using Ac3 = AudioEntry<fourcc("ac-3"), fourcc("dac3")>;  // ETSI TS 102 366 annex F
using Ec3 = AudioEntry<fourcc("ec-3"), fourcc("dec3")>;
using OpusEntry = AudioEntry<fourcc("Opus"), fourcc("dOps")>;

// PlainTextSampleEntry (14496-30 7.5); the record is the head of a WebVTT file
struct WvttEntry {
  static constexpr FourCC type = fourcc("wvtt");
  std::uint16_t data_reference_index = 1;
  ConfigBox<fourcc("vttC")> config;

  template <class Io>
  void fields(Io& io) {
    io.reserved(6);
    io.field("data_reference_index", data_reference_index);
    io.box(config);
  }
};

}  // namespace tarn::isobmff
