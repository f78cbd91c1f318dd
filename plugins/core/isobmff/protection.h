// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/isobmff/fourcc.h"

// From a clear CMAF header or chunk to an encrypted one. The bytes are edited where they lie: whatever
// boxes a sample entry or a traf has besides stay as they are.
namespace tarn::isobmff {

struct ProtectionScheme {
  FourCC scheme = 0;  // cenc, cbcs
  std::array<std::uint8_t, 16> kid{};
  std::uint8_t crypt_blocks = 0;  // pattern, 0:0 for whole samples
  std::uint8_t skip_blocks = 0;
  std::uint8_t per_sample_iv_size = 0;  // 0: the constant IV holds
  std::array<std::uint8_t, 16> constant_iv{};
};

// `clear` (ftyp and moov of one track) with its sample entry as encv or enca and with `pssh`, whole boxes,
// at the end of moov. Errors: malformed, unsupported (several sample entries, encrypted already).
Result<ByteVector> protect_init(Bytes clear, const ProtectionScheme& protection,
                                std::span<const ByteVector> pssh);

// The samples' entries of senc (23001-7 7.2.2), in order.
struct SampleAuxiliary {
  ByteVector entries;
  ByteVector sizes;  // of each sample's entry; 0 where there are no entries
  bool has_subsamples = false;
};

// `front`, a moof and the header of its mdat, with saiz, saio and senc in its traf and its data offsets
// moved behind them. Without any entries it stays as it is. `group`: not null where keys change in the course
// of a track; then sgpd and sbgp say of the chunk's samples what the header says of all (23001-7 clause 6).
Result<ByteVector> protect_chunk_front(Bytes front, const SampleAuxiliary& samples,
                                       const ProtectionScheme* group = nullptr);

}  // namespace tarn::isobmff
