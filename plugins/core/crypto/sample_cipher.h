// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "core/base/bytes.h"
#include "core/crypto/subsamples.h"

namespace tarn::crypto {

using Block = std::array<std::uint8_t, 16>;

// Clears memory that held a secret; not optimised away.
void wipe(std::span<std::uint8_t> secret);

// AES-128 over one sample after another, each copied to where it goes on the way. Not thread-safe.
// REQUIRES of all: room for the sample at `to`, which does not overlap it.
class SampleCipher {
 public:
  explicit SampleCipher(const Block& key, Scheme scheme);
  ~SampleCipher();
  SampleCipher(SampleCipher&&) noexcept;
  SampleCipher& operator=(SampleCipher&&) noexcept;

  // AES-CTR (23001-7 9.6.2); the counter runs on through the subsamples. Without a map: the whole sample.
  // `iv` is the sample's 8 bytes in front of the block counter, which begins at 0.
  void ctr(std::uint64_t iv, Bytes sample, std::span<const Subsample> map, std::uint8_t* to);
  // AES-CBC with a 1:9 pattern (9.6.1, 9.7), begun anew with the constant IV in each subsample. Without a
  // map: all whole blocks of the sample, the rest stays clear. What it copies is encrypted by finish(), up
  // to which `to` must stay: chains of many samples side by side keep the processor busy, one after another
  // each block waits for the one before.
  void cbc(const Block& iv, Bytes sample, std::span<const Subsample> map, std::uint8_t* to);
  void finish();

 private:
  struct State;
  void encrypt(const std::uint8_t* from, std::size_t size, std::uint8_t* to);
  void step(std::size_t lanes);

  std::unique_ptr<State> state_;
};

}  // namespace tarn::crypto
