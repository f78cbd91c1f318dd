// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/arena.h"

#include <cstring>
#include <utility>

namespace tarn::mpegts {

void Arena::grow(std::size_t count) {
  std::size_t capacity = std::max({expected_, capacity_ + capacity_ / 2, size_ + count});
  Memory memory = MemoryPool::shared()->take(capacity);
  if (size_ > 0) std::memcpy(memory.get(), memory_.get(), size_);
  MemoryPool::shared()->give(std::move(memory_), capacity_);
  memory_ = std::move(memory);
  capacity_ = capacity;
}

Blob Arena::release() {
  if (size_ == 0) return {};
  if (size_ < capacity_ / 2) {  // the Blob may be held for long
    std::size_t capacity = size_;
    Memory smaller = MemoryPool::shared()->take(capacity);
    std::memcpy(smaller.get(), memory_.get(), size_);
    MemoryPool::shared()->give(std::exchange(memory_, std::move(smaller)),
                               std::exchange(capacity_, capacity));
  }
  return pooled_blob(std::move(memory_), std::exchange(capacity_, 0), std::exchange(size_, 0));
}

}  // namespace tarn::mpegts
