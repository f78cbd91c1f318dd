// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/splice_info.h"

#include "core/mpegts/crc.h"
#include "core/mpegts/packet.h"

namespace tarn::mpegts {
namespace {

constexpr std::uint8_t command_null = 0x00;
constexpr std::uint8_t command_insert = 0x05;
constexpr std::uint8_t command_time_signal = 0x06;
constexpr std::uint8_t command_bandwidth_reservation = 0xFF;

// splice_time() (9.8.1)
std::optional<std::int64_t> read_splice_time(Reader& in) {
  const std::uint8_t first = in.u8();
  if ((first & 0x80U) == 0) return std::nullopt;
  return static_cast<std::int64_t>(first & 1U) << 32U | in.u32();
}

// splice_insert() (9.7.3)
void read_insert(Reader& in, SpliceInfo& info) {
  in.skip(4);                          // splice_event_id
  if ((in.u8() & 0x80U) != 0) return;  // cancelled: at once
  const std::uint8_t flags = in.u8();
  const bool is_program = (flags & 0x40U) != 0;
  const bool has_duration = (flags & 0x20U) != 0;
  const bool is_immediate = (flags & 0x10U) != 0;
  if (is_program && !is_immediate) info.time = read_splice_time(in);
  if (!is_program) {
    const std::uint8_t count = in.u8();
    for (std::uint8_t i = 0; i < count && in.ok(); ++i) {
      in.skip(1);  // component_tag
      if (is_immediate) continue;
      const auto time = read_splice_time(in);
      if (!info.time) info.time = time;
    }
  }
  if (!has_duration) return;
  const std::uint8_t first = in.u8();
  info.duration = static_cast<std::uint64_t>(first & 1U) << 32U | in.u32();
}

}  // namespace

Result<SpliceInfo> parse_splice_info(Bytes section) {
  Reader in{section};
  if (in.u8() != table_splice_info) return unsupported("SCTE-35: not a splice_info_section");
  in.skip(2);
  if (in.u8() != 0) return unsupported("SCTE-35: protocol_version is not 0");
  const std::uint8_t first = in.u8();
  const bool is_encrypted = (first & 0x80U) != 0;
  const std::int64_t adjustment = static_cast<std::int64_t>(first & 1U) << 32U | in.u32();
  in.skip(4);  // cw_index, tier, splice_command_length
  const std::uint8_t command = in.u8();
  SpliceInfo info;
  if (!is_encrypted) {
    info.is_idle = command == command_null || command == command_bandwidth_reservation;
    if (command == command_time_signal) info.time = read_splice_time(in);
    if (command == command_insert) read_insert(in, info);
  }
  if (!in.ok()) return malformed("SCTE-35: the section ends inside of its command");
  if (info.time) info.time = (*info.time + adjustment) & timestamp_mask;
  return info;
}

ByteVector retimed(Bytes section, std::int64_t time) {
  constexpr std::size_t adjustment_at = 4;
  constexpr std::size_t crc_size = 4;
  ByteVector out{section.begin(), section.end()};
  const auto info = parse_splice_info(section);
  if (!info.ok() || !info->time || ((*info->time - time) & timestamp_mask) == 0) return out;
  Reader in{section.subspan(adjustment_at)};
  const std::int64_t before = static_cast<std::int64_t>(in.u8() & 1U) << 32U | in.u32();
  const std::int64_t adjustment = (before + time - *info->time) & timestamp_mask;
  out[adjustment_at] = static_cast<std::uint8_t>((out[adjustment_at] & 0xFEU) | adjustment >> 32U);
  Writer writer{out};
  writer.patch_u32(adjustment_at + 1, static_cast<std::uint32_t>(adjustment));
  out.resize(out.size() - crc_size);
  writer.u32(crc32(out));
  return out;
}

ByteVector write_splice_null() {
  ByteVector section;
  Writer out{section};
  out.u8(table_splice_info);
  out.u16(0x3000U | 17U);  // no section syntax, sap_type 3; what follows
  out.u8(0);               // protocol_version
  out.u8(0);               // not encrypted; pts_adjustment
  out.u32(0);
  out.u8(0);           // cw_index
  out.u24(0xFFF000U);  // tier: all; splice_command_length 0
  out.u8(command_null);
  out.u16(0);  // descriptor_loop_length
  out.u32(crc32(section));
  return section;
}

}  // namespace tarn::mpegts
