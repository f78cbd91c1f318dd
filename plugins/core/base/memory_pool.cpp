// SPDX-License-Identifier: Apache-2.0
#include "core/base/memory_pool.h"

#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace tarn {

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

PooledBytes::PooledBytes(std::size_t size)
    : size_(size), capacity_(size), memory_(MemoryPool::shared()->take(capacity_)) {}

PooledBytes::~PooledBytes() { MemoryPool::shared()->give(std::move(memory_), capacity_); }

Blob PooledBytes::release() { return pooled_blob(std::move(memory_), capacity_, std::exchange(size_, 0)); }

Blob pooled_blob(Memory memory, std::size_t capacity, std::size_t size) {
  if (!memory) return {};
  const Bytes bytes{memory.get(), size};
  const auto give_back = [pool = MemoryPool::shared(), capacity](const std::uint8_t* held) {
    pool->give(Memory{const_cast<std::uint8_t*>(held)}, capacity);
  };
  std::shared_ptr<const void> owner{static_cast<const std::uint8_t*>(memory.release()), give_back};
  return {std::move(owner), bytes};
}

}  // namespace tarn
