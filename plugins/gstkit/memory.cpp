// SPDX-License-Identifier: Apache-2.0
#include "gstkit/memory.h"

#include <cstring>
#include <memory>
#include <utility>

#include "gstkit/map.h"

namespace tarn::gstkit {

Ref<GstMemory> memory_of(Blob blob) {
  auto* held = new Blob{std::move(blob)};
  // The flag is what makes the cast safe: nobody gets a writable mapping of read-only memory.
  auto* data = const_cast<std::uint8_t*>(held->data());
  return Ref<GstMemory>::adopt(gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, data, held->size(), 0,
                                                      held->size(), held,
                                                      [](gpointer b) { delete static_cast<Blob*>(b); }));
}

Ref<GstBuffer> buffer_of(Blob blob) {
  auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new());
  if (!blob.empty()) gst_buffer_append_memory(buffer.get(), memory_of(std::move(blob)).release());
  return buffer;
}

Ref<GstBuffer> buffer_of_range(GstMemory* whole, std::size_t offset, std::size_t size) {
  auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new());
  GstMemory* range = gst_memory_share(whole, static_cast<gssize>(offset), static_cast<gssize>(size));
  gst_buffer_append_memory(buffer.get(), range);
  return buffer;
}

void keep_with_buffer(GstBuffer* buffer, std::shared_ptr<const void> object) {
  using Held = std::shared_ptr<const void>;
  static const GQuark key = g_quark_from_static_string("tarn-kept-object");
  gst_mini_object_set_qdata(GST_MINI_OBJECT_CAST(buffer), key, new Held{std::move(object)},
                            [](gpointer held) { delete static_cast<Held*>(held); });
}

Result<Blob> blob_of(GstMemory* memory) {
  struct Mapped {
    explicit Mapped(GstMemory* m) : memory(Ref<GstMemory>::share(m)), map(m) {}
    Ref<GstMemory> memory;  // outlives its mapping
    MemoryMap map;
  };
  auto mapped = std::make_shared<const Mapped>(memory);
  if (!mapped->map.ok()) return Error{ErrorCode::internal, "a memory cannot be mapped for reading"};
  const Bytes bytes = mapped->map.bytes();
  return Blob{std::move(mapped), bytes};
}

Result<std::vector<Blob>> blobs_of(GstBuffer* buffer) {
  const guint count = gst_buffer_n_memory(buffer);
  std::vector<Blob> blobs;
  blobs.reserve(count);
  for (guint i = 0; i < count; ++i) blobs.push_back(TRY(blob_of(gst_buffer_peek_memory(buffer, i))));
  return blobs;
}

void PayloadSpans::add(GstBuffer* buffer) {
  const guint count = gst_buffer_n_memory(buffer);
  for (guint i = 0; i < count; ++i) {
    GstMemory* memory = gst_buffer_peek_memory(buffer, i);
    if (memory->size == 0) continue;
    size_bytes_ += memory->size;
    gsize offset = 0;
    if (!spans_.empty() && gst_memory_is_span(spans_.back().last.get(), memory, &offset)) {
      Span& span = spans_.back();
      if (span.first == span.last) span.parent_offset = offset;
      span.last = Ref<GstMemory>::share(memory);
      span.size += memory->size;
    } else {
      auto shared = Ref<GstMemory>::share(memory);
      spans_.push_back({.first = shared, .last = shared, .parent_offset = 0, .size = memory->size});
    }
  }
}

Ref<GstMemory> PayloadSpans::join(Span& span) {
  if (span.first == span.last) return std::move(span.first);
  GstMemory* parent = span.first->parent;
  return Ref<GstMemory>::adopt(
      gst_memory_share(parent, static_cast<gssize>(span.parent_offset), static_cast<gssize>(span.size)));
}

std::vector<Ref<GstMemory>> PayloadSpans::take() {
  std::vector<Ref<GstMemory>> joined;
  joined.reserve(spans_.size());
  for (Span& span : spans_) joined.push_back(join(span));
  spans_.clear();
  size_bytes_ = 0;
  return joined;
}

namespace {

Ref<GstMemory> gather(const std::vector<Ref<GstMemory>>& spans) {
  std::size_t size = 0;
  for (const auto& span : spans) size += span->size;
  ByteVector bytes;
  bytes.reserve(size);
  for (const auto& span : spans) {
    const MemoryMap map{span.get()};
    bytes.insert(bytes.end(), map.bytes().begin(), map.bytes().end());
  }
  return memory_of(Blob::of(std::move(bytes)));
}

}  // namespace

Ref<GstBuffer> buffer_of_spans(Blob front, std::vector<Ref<GstMemory>> spans) {
  auto buffer = buffer_of(std::move(front));
  if (gst_buffer_n_memory(buffer.get()) + spans.size() > gst_buffer_get_max_memory()) {
    auto gathered = gather(spans);
    spans.clear();
    spans.push_back(std::move(gathered));
  }
  for (auto& span : spans) gst_buffer_append_memory(buffer.get(), span.release());
  return buffer;
}

}  // namespace tarn::gstkit
