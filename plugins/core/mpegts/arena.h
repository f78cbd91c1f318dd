// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/memory_pool.h"

namespace tarn::mpegts {

// Growing bytes that are never cleared first: payload is written once, into its final place. (A vector
// would write everything twice.)
class Arena {
 public:
  explicit Arena(std::size_t expected) : expected_(expected) {}
  ~Arena() { MemoryPool::shared()->give(std::move(memory_), capacity_); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint8_t* at(std::size_t offset) { return memory_.get() + offset; }
  [[nodiscard]] Bytes bytes(std::size_t offset, std::size_t size) const {
    return {memory_.get() + offset, size};
  }

  // Where the next `count` bytes may be written; they count from commit() on.
  [[nodiscard]] std::uint8_t* room(std::size_t count) {
    if (capacity_ - size_ < count) grow(count);
    return memory_.get() + size_;
  }
  void commit(std::size_t count) { size_ += count; }
  // REQUIRES: size <= this->size()
  void truncate(std::size_t size) { size_ = size; }
  // Moves the last bytes, from `from` on, down to `to`. REQUIRES: to <= from <= size()
  void close_gap(std::size_t to, std::size_t from) {
    if (to == from) return;
    std::copy(at(from), at(size_), at(to));
    size_ -= from - to;
  }

  // The bytes, whose memory goes back to the pool with the last Blob of them; the arena is empty then.
  [[nodiscard]] Blob release();

 private:
  void grow(std::size_t count);

  Memory memory_;
  std::size_t expected_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tarn::mpegts
