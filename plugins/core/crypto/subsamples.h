// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "core/crypto/av1_tiles.h"
#include "core/crypto/avc_slice.h"

namespace tarn::crypto {

class HevcSliceHeaders;

enum class Scheme { cenc, cbcs };

// Clear bytes and the encrypted ones after them (ISO/IEC 23001-7 9.5).
struct Subsample {
  std::uint16_t clear = 0;
  std::uint32_t cipher = 0;
  bool operator==(const Subsample&) const = default;
};

// What of a sample is encrypted. Video: of each slice what comes after its header, of AV1 the whole blocks at
// the end of each tile; the rest stays clear. Audio: the whole sample, which needs no map.
class SubsampleMapper {
 public:
  // unsupported: a codec whose samples nobody here can take apart.
  static Result<SubsampleMapper> make(const codecs::StreamInfo& info, Scheme scheme);

  [[nodiscard]] bool is_whole_sample() const { return kind_ == Kind::whole; }
  // A chunk begins: of AV1 with a key frame.
  void restart();
  // Appends the map of the chunk's next sample; its sum is the sample's size. Errors: malformed, limit; of
  // AV1 also unsupported and truncated: without its headers nobody knows what of a frame may be encrypted.
  Status map(Bytes sample, std::vector<Subsample>& out);

 private:
  enum class Kind { whole, avc, hevc, av1 };
  Status map_tiles(Bytes sample, std::vector<Subsample>& out);
  [[nodiscard]] std::optional<std::size_t> clear_lead(Bytes nal) const;

  Kind kind_ = Kind::whole;
  Scheme scheme_ = Scheme::cenc;
  std::uint32_t nal_length_size_ = 4;
  std::optional<AvcSliceHeaders> avc_;
  std::shared_ptr<const HevcSliceHeaders> hevc_;
  std::optional<Av1TileReader> av1_;
  std::vector<Av1TileReader::Tile> tiles_;  // of one sample, kept for its memory
};

}  // namespace tarn::crypto
