// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "core/crypto/sample_cipher.h"
#include "core/crypto/subsamples.h"
#include "core/isobmff/protection.h"

namespace tarn::crypto {

struct TrackKey {
  Scheme scheme = Scheme::cbcs;
  Block key{};
  Block kid{};
  Block constant_iv{};  // cbcs
  // Others follow in the same track: every chunk says which key it has (seig).
  bool changes = false;
  bool operator==(const TrackKey&) const = default;
};

// A key and what tells players of it: whole pssh boxes, for the CMAF header.
struct TrackProtection {
  TrackKey key;
  std::vector<ByteVector> pssh;
};
struct StreamProtection {
  TrackProtection video;  // and whatever is not audio
  TrackProtection audio;
};

// Encrypts one track's CMAF header and chunks (ISO/IEC 23001-7). The same chunk under the same key and serial
// always gives the same bytes. Not thread-safe.
class TrackEncryptor {
 public:
  static Result<TrackEncryptor> make(const codecs::StreamInfo& info, const TrackKey& key);

  // ftyp and moov, with `pssh` (whole boxes) in it.
  [[nodiscard]] Result<ByteVector> header(Bytes clear, std::span<const ByteVector> pssh) const;

  // `parts`: the chunk's moof with the mdat header, then its samples, none of which spans two parts; or all
  // of it in one. `serial` (48 bits) makes the samples' IVs with their index in the chunk (cenc): chunks
  // under one key must differ in it.
  Result<Blob> chunk(std::span<const Blob> parts, std::uint64_t serial);

 private:
  TrackEncryptor(const SubsampleMapper& mapper, const TrackKey& key);
  [[nodiscard]] isobmff::ProtectionScheme protection() const;
  Status plan(std::span<const Bytes> samples, std::uint64_t serial);
  void run(std::span<const Bytes> samples, std::uint64_t serial, std::uint8_t* to);

  SubsampleMapper mapper_;
  Scheme scheme_;
  Block kid_;
  Block constant_iv_;
  bool changes_;
  SampleCipher cipher_;
  // Of the chunk that is being encrypted, kept for their memory.
  isobmff::SampleAuxiliary auxiliary_;
  std::vector<Subsample> maps_;
  std::vector<std::size_t> map_ends_;
};

}  // namespace tarn::crypto
