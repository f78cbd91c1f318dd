// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "gstkit/ref.h"

// Payload crosses the border between core and GStreamer without being copied, both ways.
namespace tarn::gstkit {

// Read-only memory that keeps the blob's owner alive. REQUIRES: !blob.empty()
Ref<GstMemory> memory_of(Blob blob);
Ref<GstBuffer> buffer_of(Blob blob);  // an empty blob gives a buffer without memory
// A range of a memory, shared: buffers made of neighbouring ranges of one memory can be joined again.
Ref<GstBuffer> buffer_of_range(GstMemory* whole, std::size_t offset, std::size_t size);

// `object` is released when the buffer itself is freed, wherever its memory goes. Copies do not hold it.
void keep_with_buffer(GstBuffer* buffer, std::shared_ptr<const void> object);

// The memory stays mapped for reading while the blob (or a slice of it) lives.
Result<Blob> blob_of(GstMemory* memory);
// One blob per memory of the buffer, in order.
Result<std::vector<Blob>> blobs_of(GstBuffer* buffer);

// Gathers the memories of consecutive buffers; ranges of one memory that follow each other become one.
class PayloadSpans {
 public:
  void add(GstBuffer* buffer);
  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }
  // The spans, and room for the next chunk.
  std::vector<Ref<GstMemory>> take();

 private:
  struct Span {
    Ref<GstMemory> first;
    Ref<GstMemory> last;
    std::size_t parent_offset = 0;  // of `first`, once two memories have been joined
    std::size_t size = 0;
  };
  static Ref<GstMemory> join(Span& span);

  std::vector<Span> spans_;
  std::size_t size_bytes_ = 0;
};

// `front` (may be empty) followed by `spans` as one buffer. A GstBuffer holds gst_buffer_get_max_memory()
// memories and silently copies all of them together at each one more: when there are too many, the
// spans are gathered into one memory here, once.
Ref<GstBuffer> buffer_of_spans(Blob front, std::vector<Ref<GstMemory>> spans);

}  // namespace tarn::gstkit
