// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/av1_frame_header.h"

namespace tarn::crypto {

// Finds the tiles of AV1 samples, in decode order: headers are read with what came before them.
class Av1TileReader {
 public:
  struct Tile {
    std::size_t offset = 0;  // of decode_tile() in the sample
    std::size_t size = 0;    // with its trailing bits
  };

  // `av1c`: may have the sequence header; else the first sample has it.
  static Result<Av1TileReader> from_config(Bytes av1c);

  // What comes next was not coded after what came last: a chunk begins, with a key frame.
  void restart();
  // Appends the tiles of the next sample. Errors: malformed, truncated, unsupported, limit; none of its tiles
  // is known then.
  Status read(Bytes sample, std::vector<Tile>& out);

 private:
  Status read_tile_group(Bytes sample, Bytes group, std::vector<Tile>& out);

  std::optional<codecs::av1::SequenceHeader> configured_;
  std::optional<codecs::av1::SequenceHeader> sequence_;
  Av1References references_;
  std::optional<Av1Tiling> open_;  // of the frame whose tiles are not all there yet
};

}  // namespace tarn::crypto
