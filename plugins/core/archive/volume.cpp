// SPDX-License-Identifier: Apache-2.0
#include "core/archive/volume.h"

#include <algorithm>
#include <array>

#include "core/archive/crc32c.h"
#include "core/base/text.h"

namespace tarn::archive {
namespace {

using ExtendedType = std::array<std::uint8_t, 16>;

// 352c91cb-6b0e-4eea-b17d-490222b09c80
constexpr ExtendedType volume_type{0x35, 0x2C, 0x91, 0xCB, 0x6B, 0x0E, 0x4E, 0xEA,
                                   0xB1, 0x7D, 0x49, 0x02, 0x22, 0xB0, 0x9C, 0x80};
// 3062ec3d-7f9e-4a0b-95b9-c98d7ed5f4d1
constexpr ExtendedType chunk_type{0x30, 0x62, 0xEC, 0x3D, 0x7F, 0x9E, 0x4A, 0x0B,
                                  0x95, 0xB9, 0xC9, 0x8D, 0x7E, 0xD5, 0xF4, 0xD1};

constexpr std::uint8_t format_version = 1;
constexpr std::uint32_t flag_independent = 1;
constexpr std::size_t checksum_size = 4;
constexpr std::size_t box_header_size = 8;

// Writes the size of the box that began at `begin`, then the CRC-32C of all its other bytes.
void finish_box(std::size_t begin, ByteVector& out) {
  Writer writer{out};
  writer.patch_u32(begin, static_cast<std::uint32_t>(out.size() - begin + checksum_size));
  writer.u32(crc32c(Bytes{out}.subspan(begin)));
}

void begin_box(const ExtendedType& type, std::uint32_t flags, Writer& writer) {
  writer.u32(0);
  writer.text("uuid");
  writer.bytes(type);
  writer.u8(format_version);
  writer.u24(flags);
}

struct OpenBox {
  Reader fields;
  std::uint32_t flags;
};

Result<OpenBox> open_box(const char* name, const ExtendedType& type, Bytes bytes) {
  Reader header{bytes};
  const std::uint32_t size = header.u32();
  const bool is_uuid = as_text(header.take(4)) == "uuid";
  if (!header.ok()) return truncated(std::string{name} + ": header cut short");
  if (!is_uuid || size < box_header_size + type.size() + 4 + checksum_size) {
    return malformed(std::string{name} + ": not a uuid box of a possible size");
  }
  if (size > bytes.size()) return truncated(std::string{name} + ": ends after the bytes there are");
  const Bytes box = bytes.first(size);
  Reader fields{box.first(size - checksum_size)};
  fields.skip(box_header_size);
  const Bytes found = fields.take(type.size());
  if (!std::equal(found.begin(), found.end(), type.begin())) {
    return malformed(std::string{name} + ": another extended type");
  }
  Reader checksum{box.last(checksum_size)};
  if (checksum.u32() != crc32c(box.first(size - checksum_size))) {
    return malformed(std::string{name} + ": checksum does not match");
  }
  const std::uint8_t version = fields.u8();
  if (version != format_version) {
    return unsupported(std::string{name} + ": version " + std::to_string(version) + ", expected 1");
  }
  const std::uint32_t flags = fields.u24();
  return OpenBox{fields, flags};
}

}  // namespace

void write_chunk_box(const ChunkBox& box, ByteVector& out) {
  const std::size_t begin = out.size();
  Writer writer{out};
  begin_box(chunk_type, box.label.independent ? flag_independent : 0, writer);
  writer.u32(box.label.track);
  writer.u64(box.label.slot);
  writer.u64(box.label.serial);
  writer.u64(static_cast<std::uint64_t>(box.label.start));
  writer.u64(static_cast<std::uint64_t>(box.label.duration));
  writer.u32(box.stretch);
  writer.u32(box.size);
  writer.u32(box.checksum);
  finish_box(begin, out);
}

Result<ChunkBox> parse_chunk_box(Bytes bytes) {
  OpenBox open = TRY(open_box("chunk box", chunk_type, bytes));
  ChunkBox box;
  box.label.independent = (open.flags & flag_independent) != 0;
  box.label.track = open.fields.u32();
  box.label.slot = open.fields.u64();
  box.label.serial = open.fields.u64();
  box.label.start = open.fields.i64();
  box.label.duration = open.fields.i64();
  box.stretch = open.fields.u32();
  box.size = open.fields.u32();
  box.checksum = open.fields.u32();
  if (!open.fields.ok()) return malformed("chunk box: too small for its fields");
  return box;
}

void write_volume_box(const VolumeHead& head, ByteVector& out) {
  const std::size_t begin = out.size();
  Writer writer{out};
  begin_box(volume_type, 0, writer);
  writer.u32(head.track);
  writer.u32(head.config);
  writer.u32(head.stretch);
  writer.bytes(head.stretch_record.bytes());
  finish_box(begin, out);
}

Result<VolumeBox> parse_volume_box(Bytes bytes) {
  OpenBox open = TRY(open_box("volume box", volume_type, bytes));
  VolumeBox box;
  box.track = open.fields.u32();
  box.config = open.fields.u32();
  box.stretch = open.fields.u32();
  if (!open.fields.ok()) return malformed("volume box: too small for its fields");
  box.stretch_record = open.fields.rest();
  return box;
}

std::uint32_t volume_number(std::string_view name) {
  const std::size_t dash = name.find('-');
  const std::size_t dot = name.find('.');
  if (!name.starts_with('t') || dash == name.npos || dot == name.npos || dot < dash) return 0;
  if (name.size() != dot + 5 || name.substr(dot, 4) != ".cmf") return 0;
  const auto track = parse_u64(name.substr(1, dash - 1));
  const auto number = parse_u64(name.substr(dash + 1, dot - dash - 1));
  if (!track || !number || *number > 0xFFFF'FFFFU) return 0;
  return static_cast<std::uint32_t>(*number);
}

std::uint32_t checksum_of(std::span<const Blob> parts) {
  std::uint32_t crc = 0;
  for (const Blob& part : parts) crc = crc32c(part.bytes(), crc);
  return crc;
}

}  // namespace tarn::archive
