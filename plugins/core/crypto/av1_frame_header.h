// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/result.h"
#include "core/codecs/av1.h"
#include "core/codecs/nal.h"

namespace tarn::crypto {

// Which segments of a frame have a quantizer of their own (SEG_LVL_ALT_Q, AV1 specification 5.9.14).
struct Av1Segments {
  std::array<std::optional<std::int32_t>, 8> quantizers{};
};

// What is kept of a frame because later frame headers are read with it (7.20).
struct Av1Reference {
  bool is_key = false;
  std::uint32_t upscaled_width = 0;
  std::uint32_t height = 0;
  std::uint32_t order_hint = 0;
  Av1Segments segments;
};
using Av1References = std::array<std::optional<Av1Reference>, 8>;

// What its tile groups are read with (5.11.1).
struct Av1Tiling {
  std::uint32_t columns = 1;
  std::uint32_t rows = 1;
  std::uint32_t columns_log2 = 0;
  std::uint32_t rows_log2 = 0;
  std::uint32_t size_bytes = 0;  // of a tile's size
};

struct Av1Frame {
  bool shows_existing = false;  // no tiles follow
  Av1Tiling tiling;
};

// Reads uncompressed_header() (5.9.2) up to its last bit, and takes its frame into `references`. Errors:
// truncated, unsupported (it refers to frames that are not known: the reader did not begin with a key frame).
Result<Av1Frame> read_av1_frame_header(codecs::BitReader& in, const codecs::av1::SequenceHeader& sequence,
                                       const codecs::av1::Obu& obu, Av1References& references);

}  // namespace tarn::crypto
