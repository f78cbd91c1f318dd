// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/esds.h"

#include <optional>

namespace tarn::isobmff {
namespace {

// Class tags, 14496-1 table 1
constexpr std::uint8_t es_descr_tag = 3;
constexpr std::uint8_t decoder_config_descr_tag = 4;
constexpr std::uint8_t dec_specific_info_tag = 5;
constexpr std::uint8_t sl_config_descr_tag = 6;

constexpr std::uint8_t audio_stream = 0x15;  // streamType 5, upStream 0, reserved 1
constexpr std::uint8_t mp4_sl_config = 2;

// Expandable size, 14496-1 8.3.3: seven bits a byte, the first bit says that more follow.
ByteVector descriptor(std::uint8_t tag, const ByteVector& payload) {
  ByteVector out;
  Writer writer{out};
  writer.u8(tag);
  for (unsigned shift = 21; shift > 0; shift -= 7) {
    if (payload.size() >> shift != 0) writer.u8(0x80U | (payload.size() >> shift & 0x7fU));
  }
  writer.u8(payload.size() & 0x7fU);
  writer.bytes(payload);
  return out;
}

struct Descriptor {
  std::uint8_t tag = 0;
  Bytes payload;
};

std::optional<Descriptor> next_descriptor(Reader& reader) {
  Descriptor found;
  found.tag = reader.u8();
  std::size_t size = 0;
  std::uint8_t byte = 0x80;
  for (int i = 0; i < 4 && (byte & 0x80U) != 0; ++i) {
    byte = reader.u8();
    size = size << 7U | (byte & 0x7fU);
  }
  found.payload = reader.take(size);
  if (!reader.ok() || (byte & 0x80U) != 0) return std::nullopt;
  return found;
}

// The next descriptor with `tag`, others passed over.
std::optional<Bytes> find_descriptor(Reader& reader, std::uint8_t tag) {
  while (const auto found = next_descriptor(reader)) {
    if (found->tag == tag) return found->payload;
  }
  return std::nullopt;
}

void skip_es_options(Reader& es) {
  const std::uint8_t flags = es.u8();
  if ((flags & 0x80U) != 0) es.skip(2);        // dependsOn_ES_ID
  if ((flags & 0x40U) != 0) es.skip(es.u8());  // URL
  if ((flags & 0x20U) != 0) es.skip(2);        // OCR_ES_Id
}

}  // namespace

ByteVector write_es_descriptor(const DecoderConfig& config) {
  ByteVector decoder;
  Writer decoder_writer{decoder};
  decoder_writer.u8(config.object_type_indication);
  decoder_writer.u8(audio_stream);
  decoder_writer.zeros(11);  // bufferSizeDB, maxBitrate, avgBitrate: not known
  if (config.object_type_indication == DecoderConfig::mpeg4_audio) {
    decoder_writer.bytes(descriptor(dec_specific_info_tag, config.specific_info));
  }

  ByteVector es;
  Writer es_writer{es};
  es_writer.u16(0);  // ES_ID, 0 in a file (14496-14 3.1.2)
  es_writer.u8(0);
  es_writer.bytes(descriptor(decoder_config_descr_tag, decoder));
  es_writer.bytes(descriptor(sl_config_descr_tag, {mp4_sl_config}));
  return descriptor(es_descr_tag, es);
}

Result<DecoderConfig> parse_es_descriptor(Bytes bytes) {
  Reader outer{bytes};
  const auto es = find_descriptor(outer, es_descr_tag);
  if (!es) return malformed("esds: no ES_Descriptor");
  Reader es_reader{*es};
  es_reader.skip(2);
  skip_es_options(es_reader);
  const auto decoder = find_descriptor(es_reader, decoder_config_descr_tag);
  if (!decoder) return malformed("esds: no DecoderConfigDescriptor");
  Reader reader{*decoder};
  DecoderConfig config;
  config.object_type_indication = reader.u8();
  reader.skip(12);
  const auto info = find_descriptor(reader, dec_specific_info_tag);
  if (!info && config.object_type_indication != DecoderConfig::mpeg4_audio) return config;
  if (!info) return malformed("esds: no DecoderSpecificInfo");
  config.specific_info.assign(info->begin(), info->end());
  return config;
}

}  // namespace tarn::isobmff
