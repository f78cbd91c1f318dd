// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/codecs/stream_info.h"
#include "core/mpegts/packet.h"

// The tables of the segments that Tarn writes: one program, PAT and PMT of one packet each.
namespace tarn::mpegts {

inline constexpr std::uint16_t pmt_pid = 0x1000;
inline constexpr std::uint16_t id3_pid = 0x1F0;
inline constexpr std::uint16_t splice_pid = 0x1F1;
inline constexpr std::size_t max_pmt_size = packet_payload_size - 1;  // behind its pointer_field

// How the PMT announces a codec.
struct Mapping {
  std::uint8_t stream_type = 0;
  std::uint32_t registration = 0;  // 0: the type says it all
};
// Nothing for codecs without has_transport_mapping().
std::optional<Mapping> mapping_of(codecs::Codec codec);

struct TableEntry {
  Mapping mapping;
  std::uint16_t pid = 0;
  std::string language;  // ISO 639-2; any other length is left out
};

// Timed metadata beside the media; each kind has the PID above.
struct MetadataTables {
  bool id3 = false;
  bool splice = false;
};

ByteVector write_pat();
// The version_number says which metadata are listed, so that it differs whenever these do.
ByteVector write_pmt(std::uint16_t pcr_pid, const std::vector<TableEntry>& entries,
                     const MetadataTables& metadata);

}  // namespace tarn::mpegts
