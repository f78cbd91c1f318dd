// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/base/memory_pool.h"

namespace tarn::server {

// A body as it comes, in memory of the shared pool: a large one needs no fresh pages from the kernel.
class BodyBuffer {
 public:
  BodyBuffer() = default;
  ~BodyBuffer() { clear(); }
  BodyBuffer(const BodyBuffer&) = delete;
  BodyBuffer& operator=(const BodyBuffer&) = delete;

  void reserve(std::size_t capacity);
  void append(Bytes bytes);
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear();
  // What was appended; nothing is left here.
  [[nodiscard]] Blob release();

 private:
  Memory memory_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tarn::server
