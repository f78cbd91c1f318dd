// SPDX-License-Identifier: Apache-2.0
// What the mutators that know a structure have in common. Each is the LLVMFuzzerCustomMutator of the targets
// that include it; replay.cpp uses it too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

/** The engine's own mutation, of bytes without structure; returns the new size, at most `most`. */
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace tarn::fuzz {

using Input = std::vector<std::uint8_t>;

class Random {
 public:
  explicit Random(unsigned seed) : engine_{seed} {}
  /** 0 of nothing. */
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : engine_() % limit; }

 private:
  std::minstd_rand engine_;
};

/** `bytes` as the engine changes them, at most `most` long. */
inline Input changed(Input bytes, std::size_t most) {
  const std::size_t size = std::min(bytes.size(), most);
  bytes.resize(std::max<std::size_t>(most, 1));
  bytes.resize(LLVMFuzzerMutate(bytes.data(), size, bytes.size()));
  return bytes;
}

/** Puts `from` where the engine wants it; what does not fit is not there. */
inline std::size_t give(const Input& from, std::uint8_t* data, std::size_t most) {
  const std::size_t size = std::min(from.size(), most);
  if (size > 0) std::memcpy(data, from.data(), size);
  return size;
}

}  // namespace tarn::fuzz
