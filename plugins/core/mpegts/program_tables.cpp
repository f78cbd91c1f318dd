// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/program_tables.h"

#include "core/mpegts/crc.h"
#include "core/mpegts/psi.h"

namespace tarn::mpegts {
namespace {

constexpr std::uint16_t program_number = 1;

void finish_section(ByteVector& section) {
  // section_length counts what follows it, with the CRC
  section[1] = 0xB0;
  section[2] = static_cast<std::uint8_t>(section.size() - 3 + 4);
  Writer{section}.u32(crc32(section));
}

void write_registration(Writer& out, std::uint32_t format) {
  out.u8(0x05);  // registration_descriptor
  out.u8(4);
  out.u32(format);
}

void write_entry(Writer& out, const TableEntry& entry) {
  const bool has_language = entry.language.size() == 3;
  out.u8(entry.mapping.stream_type);
  out.u16(0xE000U | entry.pid);
  out.u16(0xF000U | ((entry.mapping.registration != 0 ? 6U : 0U) + (has_language ? 6U : 0U)));
  if (entry.mapping.registration != 0) write_registration(out, entry.mapping.registration);
  if (!has_language) return;
  out.u8(0x0A);  // ISO_639_language_descriptor
  out.u8(4);
  out.text(entry.language);
  out.u8(0);
}

// ISO/IEC 13818-1 2.6.58 and 2.6.60, as Apple's Timed Metadata for HTTP Live Streaming has them
void write_id3_pointer(Writer& out) {
  out.u8(0x25);  // metadata_pointer_descriptor
  out.u8(15);
  out.u16(0xFFFF);
  out.u32(metadata_format_id3);
  out.u8(0xFF);
  out.u32(metadata_format_id3);
  out.u8(0);     // metadata_service_id
  out.u8(0x1F);  // no locator; carried in this transport stream
  out.u16(program_number);
}

void write_id3_entry(Writer& out) {
  out.u8(stream_type_metadata);
  out.u16(0xE000U | id3_pid);
  out.u16(0xF000U | 15U);
  out.u8(0x26);  // metadata_descriptor
  out.u8(13);
  out.u16(0xFFFF);
  out.u32(metadata_format_id3);
  out.u8(0xFF);
  out.u32(metadata_format_id3);
  out.u8(0);     // metadata_service_id
  out.u8(0x0F);  // no decoder configuration
}

void write_splice_entry(Writer& out) {
  out.u8(stream_type_splice_info);
  out.u16(0xE000U | splice_pid);
  out.u16(0xF000U);
}

}  // namespace

std::optional<Mapping> mapping_of(codecs::Codec codec) {
  switch (codec) {
    case codecs::Codec::h264:
      return Mapping{stream_type_h264, 0};
    case codecs::Codec::hevc:
      return Mapping{stream_type_hevc, 0};
    case codecs::Codec::aac:
      return Mapping{stream_type_aac, 0};
    case codecs::Codec::ac3:
      return Mapping{stream_type_ac3, registration_ac3};
    case codecs::Codec::eac3:
      return Mapping{stream_type_eac3, registration_eac3};
    case codecs::Codec::mp3:
      return Mapping{stream_type_mpeg1_audio, 0};
    default:
      return std::nullopt;
  }
}

ByteVector write_pat() {
  ByteVector section;
  Writer out{section};
  out.u8(0);
  out.u16(0);
  out.u16(1);    // transport_stream_id
  out.u8(0xC1);  // version 0, current
  out.u16(0);
  out.u16(program_number);
  out.u16(0xE000 | pmt_pid);
  finish_section(section);
  return section;
}

ByteVector write_pmt(std::uint16_t pcr_pid, const std::vector<TableEntry>& entries,
                     const MetadataTables& metadata) {
  constexpr unsigned registration_size = 6;
  constexpr unsigned pointer_size = 17;
  const unsigned version = (metadata.id3 ? 1U : 0U) | (metadata.splice ? 2U : 0U);
  ByteVector section;
  Writer out{section};
  out.u8(2);
  out.u16(0);
  out.u16(program_number);
  out.u8(0xC1U | version << 1U);
  out.u16(0);
  out.u16(0xE000U | pcr_pid);
  out.u16(0xF000U | ((metadata.id3 ? pointer_size : 0U) + (metadata.splice ? registration_size : 0U)));
  if (metadata.id3) write_id3_pointer(out);
  if (metadata.splice) write_registration(out, registration_splice_info);
  for (const TableEntry& entry : entries) write_entry(out, entry);
  if (metadata.id3) write_id3_entry(out);
  if (metadata.splice) write_splice_entry(out);
  finish_section(section);
  return section;
}

}  // namespace tarn::mpegts
