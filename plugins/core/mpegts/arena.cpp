// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/arena.h"

#include <cstring>
#include <mutex>
#include <new>
#include <vector>

namespace tarn::mpegts {

struct MemoryPool::Kept {
  struct Block {
    Memory memory;
    std::size_t capacity;
  };
  std::mutex mutex;
  std::vector<Block> blocks;
  std::size_t bytes = 0;
};

MemoryPool::MemoryPool() : kept_(std::make_unique<Kept>()) {}
MemoryPool::~MemoryPool() = default;

const std::shared_ptr<MemoryPool>& MemoryPool::shared() {
  static const std::shared_ptr<MemoryPool> pool = std::make_shared<MemoryPool>();
  return pool;
}

Memory MemoryPool::take(std::size_t& capacity) {
  if (capacity >= smallest) {
    const std::lock_guard lock{kept_->mutex};
    auto best = kept_->blocks.end();
    for (auto block = kept_->blocks.begin(); block != kept_->blocks.end(); ++block) {
      // Half empty would be a waste as long as it is held.
      if (block->capacity < capacity || block->capacity / 2 > capacity) continue;
      if (best == kept_->blocks.end() || block->capacity < best->capacity) best = block;
    }
    if (best != kept_->blocks.end()) {
      Memory memory = std::move(best->memory);
      capacity = best->capacity;
      kept_->bytes -= capacity;
      kept_->blocks.erase(best);
      return memory;
    }
  }
  Memory memory{static_cast<std::uint8_t*>(std::malloc(capacity))};
  if (!memory) throw std::bad_alloc{};  // as operator new does
  return memory;
}

void MemoryPool::give(Memory memory, std::size_t capacity) {
  if (!memory || capacity < smallest || capacity > max_kept) return;
  const std::lock_guard lock{kept_->mutex};
  kept_->blocks.push_back({std::move(memory), capacity});
  kept_->bytes += capacity;
  while (kept_->bytes > max_kept) {  // the oldest first: sizes drift
    kept_->bytes -= kept_->blocks.front().capacity;
    kept_->blocks.erase(kept_->blocks.begin());
  }
}

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
  const Bytes bytes{memory_.get(), size_};
  const auto give_back = [pool = MemoryPool::shared(), capacity = capacity_](const std::uint8_t* memory) {
    pool->give(Memory{const_cast<std::uint8_t*>(memory)}, capacity);
  };
  std::shared_ptr<const void> owner{static_cast<const std::uint8_t*>(memory_.release()), give_back};
  size_ = capacity_ = 0;
  return {std::move(owner), bytes};
}

}  // namespace tarn::mpegts
