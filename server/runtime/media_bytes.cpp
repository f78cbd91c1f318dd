// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/media_bytes.h"

#include <memory>

namespace tarn::server {
namespace {

class MappedMemory {
 public:
  explicit MappedMemory(GstMemory* memory)
      : memory_(gst_memory_ref(memory)), ok_(gst_memory_map(memory, &info_, GST_MAP_READ) != FALSE) {}
  ~MappedMemory() {
    if (ok_) gst_memory_unmap(memory_, &info_);
    gst_memory_unref(memory_);
  }
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] Bytes bytes() const { return {info_.data, info_.size}; }

 private:
  GstMemory* memory_;
  GstMapInfo info_{};
  bool ok_;
};

}  // namespace

GBytes* bytes_of(const Blob& blob) {
  return g_bytes_new_with_free_func(
      blob.data(), blob.size(),
      [](gpointer owner) { delete static_cast<std::shared_ptr<const void>*>(owner); },
      new std::shared_ptr<const void>{blob.owner()});
}

bool append_blobs(GstBuffer* buffer, std::vector<Blob>& out) {
  for (guint i = 0; i < gst_buffer_n_memory(buffer); ++i) {
    auto mapped = std::make_shared<const MappedMemory>(gst_buffer_peek_memory(buffer, i));
    if (!mapped->ok()) return false;
    const Bytes bytes = mapped->bytes();
    out.emplace_back(std::move(mapped), bytes);
  }
  return true;
}

}  // namespace tarn::server
