// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "core/base/bytes.h"

namespace tarn {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<std::uint8_t, FreeMemory>;

// Memory of segments that are done with, kept for the next ones: fresh pages from the kernel cost more
// than what is done with a segment in them. Holds at most max_kept bytes. Any thread.
class MemoryPool {
 public:
  static constexpr std::size_t max_kept = 32U << 20U;
  static constexpr std::size_t smallest = 128U << 10U;  // below, the allocator keeps memory itself

  MemoryPool();
  ~MemoryPool();
  static const std::shared_ptr<MemoryPool>& shared();

  // At least `capacity` bytes with what was in them before; `capacity` becomes what they really are.
  Memory take(std::size_t& capacity);
  void give(Memory memory, std::size_t capacity);

 private:
  struct Kept;
  std::unique_ptr<Kept> kept_;
};

// `size` bytes out of the shared pool that nobody has cleared, to be filled once and then only read.
class PooledBytes {
 public:
  explicit PooledBytes(std::size_t size);
  ~PooledBytes();
  PooledBytes(const PooledBytes&) = delete;
  PooledBytes& operator=(const PooledBytes&) = delete;

  [[nodiscard]] std::uint8_t* data() { return memory_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  // The bytes, whose memory goes back to the pool with the last Blob of them; nothing is left here.
  [[nodiscard]] Blob release();

 private:
  std::size_t size_;
  std::size_t capacity_;
  Memory memory_;
};

// The first `size` bytes of what the shared pool gave, as a Blob that gives it back.
Blob pooled_blob(Memory memory, std::size_t capacity, std::size_t size);

}  // namespace tarn
