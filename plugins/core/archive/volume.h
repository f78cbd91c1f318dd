// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/archive/chunk_store.h"
#include "core/base/bytes.h"
#include "core/base/result.h"

// The bytes of a volume (docs/formats/archive.md):
//
//   init section   the track's CMAF header as it came
//   volume box     `uuid`: track, config, stretch record
//   chunk box      `uuid`: what the catalogue says of the chunk, checksum     } for
//   moof mdat      as appended                                                } each chunk
//
// A player passes over `uuid` boxes it does not know.
namespace tarn::archive {

constexpr std::size_t chunk_box_size = 80;
// Larger chunks are refused: the size must fit its 32-bit field with room to spare.
constexpr std::uint64_t max_chunk_size = 1ULL << 30U;

struct ChunkBox {
  ChunkLabel label;
  std::uint32_t stretch = 0;
  std::uint32_t size = 0;      // of the moof and mdat that follow
  std::uint32_t checksum = 0;  // CRC-32C of them
};

struct VolumeBox {
  timeline::TrackId track = 0;
  std::uint32_t config = 0;
  std::uint32_t stretch = 0;
  Bytes stretch_record;  // within the parsed bytes
};

void write_chunk_box(const ChunkBox& box, ByteVector& out);
void write_volume_box(const VolumeHead& head, ByteVector& out);

// `bytes` begins with the box; more may follow.
Result<ChunkBox> parse_chunk_box(Bytes bytes);
Result<VolumeBox> parse_volume_box(Bytes bytes);

// The number in "t<track>-<volume>.cmf?"; 0 for other files.
std::uint32_t volume_number(std::string_view name);

// CRC-32C over all parts in order.
std::uint32_t checksum_of(std::span<const Blob> parts);

}  // namespace tarn::archive
