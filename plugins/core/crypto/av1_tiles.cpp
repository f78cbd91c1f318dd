// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/av1_tiles.h"

namespace tarn::crypto {
namespace {

namespace av1 = codecs::av1;
using codecs::BitReader;

enum : std::uint32_t { obu_sequence_header = 1, obu_frame_header = 3, obu_tile_group = 4, obu_frame = 6 };

constexpr std::size_t config_fields = 4;  // of av1C, before configOBUs

std::size_t bytes_read(const BitReader& in) { return (in.position() + 7) / 8; }

}  // namespace

Result<Av1TileReader> Av1TileReader::from_config(Bytes av1c) {
  if (av1c.size() < config_fields) return truncated("av1C: ends inside its fields");
  Av1TileReader reader;
  for (Bytes obus = av1c.subspan(config_fields); !obus.empty();) {
    const auto obu = TRY(av1::next_obu(obus));
    if (obu.type == obu_sequence_header) reader.configured_ = TRY(av1::parse_sequence_header(obu.payload));
  }
  reader.restart();
  return reader;
}

void Av1TileReader::restart() {
  sequence_ = configured_;
  references_ = {};
  open_.reset();
}

Status Av1TileReader::read(Bytes sample, std::vector<Tile>& out) {
  for (Bytes rest = sample; !rest.empty();) {
    const av1::Obu obu = TRY(av1::next_obu(rest));
    if (obu.type == obu_sequence_header) sequence_ = TRY(av1::parse_sequence_header(obu.payload));
    const bool has_header = obu.type == obu_frame_header || obu.type == obu_frame;
    if (!has_header && obu.type != obu_tile_group) continue;
    if (!sequence_) return unsupported("AV1: a frame comes before the sequence header");
    Bytes tiles = obu.payload;
    // A frame header between tile groups is a copy of the one before them (5.9.1).
    if (has_header && !(obu.type == obu_frame_header && open_)) {
      BitReader in{obu.payload};
      const Av1Frame frame = TRY(read_av1_frame_header(in, *sequence_, obu, references_));
      if (!frame.shows_existing) open_ = frame.tiling;
      tiles = obu.payload.subspan(bytes_read(in));
    }
    if (obu.type != obu_frame_header) TRY(read_tile_group(sample, tiles, out));
  }
  return {};
}

// tile_group_obu(), 5.11.1
Status Av1TileReader::read_tile_group(Bytes sample, Bytes group, std::vector<Tile>& out) {
  if (!open_) return malformed("AV1: tiles without a frame header");
  const std::uint32_t count = open_->columns * open_->rows;
  std::uint32_t first = 0;
  std::uint32_t last = count - 1;
  BitReader in{group};
  if (count > 1 && in.flag()) {
    first = in.bits(open_->columns_log2 + open_->rows_log2);
    last = in.bits(open_->columns_log2 + open_->rows_log2);
  }
  if (!in.ok() || last < first || last >= count)
    return malformed("AV1: a tile group's numbers are impossible");
  Bytes rest = group.subspan(bytes_read(in));
  for (std::uint32_t tile = first; tile <= last; ++tile) {
    std::size_t size = rest.size();
    if (tile != last) {
      if (rest.size() < open_->size_bytes) return truncated("AV1: a tile group ends inside a tile's size");
      size = 1;
      for (std::uint32_t i = 0; i < open_->size_bytes; ++i) size += std::size_t{rest[i]} << (8 * i);
      rest = rest.subspan(open_->size_bytes);
    }
    if (size == 0 || size > rest.size()) return truncated("AV1: a tile is longer than its group");
    out.push_back({static_cast<std::size_t>(rest.data() - sample.data()), size});
    rest = rest.subspan(size);
  }
  if (last == count - 1) open_.reset();
  return {};
}

}  // namespace tarn::crypto
