// SPDX-License-Identifier: Apache-2.0
#include "server/http/body_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tarn::server {

void BodyBuffer::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return;
  Memory larger = MemoryPool::shared()->take(capacity);
  if (size_ > 0) std::memcpy(larger.get(), memory_.get(), size_);
  MemoryPool::shared()->give(std::exchange(memory_, std::move(larger)), capacity_);
  capacity_ = capacity;
}

void BodyBuffer::append(Bytes bytes) {
  if (bytes.empty()) return;
  const std::size_t needed = size_ + bytes.size();
  if (needed > capacity_) reserve(std::max(needed, 2 * capacity_));
  std::memcpy(memory_.get() + size_, bytes.data(), bytes.size());
  size_ = needed;
}

void BodyBuffer::clear() {
  MemoryPool::shared()->give(std::move(memory_), std::exchange(capacity_, 0));
  size_ = 0;
}

Blob BodyBuffer::release() {
  return pooled_blob(std::move(memory_), std::exchange(capacity_, 0), std::exchange(size_, 0));
}

}  // namespace tarn::server
