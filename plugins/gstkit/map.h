// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include "core/base/bytes.h"

namespace tarn::gstkit {

// A buffer mapped for reading while this lives. The buffer is borrowed and must outlive it. A buffer of
// several memories is merged by copying, once: where that matters, go memory by memory (MemoryMap).
class BufferMap {
 public:
  explicit BufferMap(GstBuffer* buffer)
      : buffer_(buffer), ok_(gst_buffer_map(buffer, &info_, GST_MAP_READ) != FALSE) {}
  ~BufferMap() {
    if (ok_) gst_buffer_unmap(buffer_, &info_);
  }
  BufferMap(const BufferMap&) = delete;
  BufferMap& operator=(const BufferMap&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] Bytes bytes() const { return ok_ ? Bytes{info_.data, info_.size} : Bytes{}; }

 private:
  GstBuffer* buffer_;
  GstMapInfo info_{};
  bool ok_;
};

class MemoryMap {
 public:
  explicit MemoryMap(GstMemory* memory)
      : memory_(memory), ok_(gst_memory_map(memory, &info_, GST_MAP_READ) != FALSE) {}
  ~MemoryMap() {
    if (ok_) gst_memory_unmap(memory_, &info_);
  }
  MemoryMap(const MemoryMap&) = delete;
  MemoryMap& operator=(const MemoryMap&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] Bytes bytes() const { return ok_ ? Bytes{info_.data, info_.size} : Bytes{}; }

 private:
  GstMemory* memory_;
  GstMapInfo info_{};
  bool ok_;
};

}  // namespace tarn::gstkit
