// SPDX-License-Identifier: Apache-2.0
#include "core/archive/chunk_cache.h"

#include <utility>

namespace tarn::archive {
namespace {

std::uint64_t size_of(const std::vector<Blob>& parts) {
  std::uint64_t size = 0;
  for (const Blob& part : parts) size += part.size();
  return size;
}

}  // namespace

// `dropped` is released by the caller without the lock: an owner may be slow to go.
void ChunkCache::shrink(std::vector<std::vector<Blob>>& dropped) {
  while (bytes_ > limit_ && !order_.empty()) {
    auto oldest = chunks_.extract(order_.front());
    order_.pop_front();
    bytes_ -= size_of(oldest.mapped());
    dropped.push_back(std::move(oldest.mapped()));
  }
}

void ChunkCache::put(std::uint64_t serial, std::vector<Blob> parts) {
  std::vector<std::vector<Blob>> dropped;
  const std::lock_guard lock{mutex_};
  const std::uint64_t size = size_of(parts);
  if (size > limit_) return;
  if (!chunks_.emplace(serial, std::move(parts)).second) return;
  order_.push_back(serial);
  bytes_ += size;
  shrink(dropped);
}

std::optional<std::vector<Blob>> ChunkCache::find(std::uint64_t serial) const {
  const std::lock_guard lock{mutex_};
  const auto at = chunks_.find(serial);
  if (at == chunks_.end()) return std::nullopt;
  return at->second;
}

void ChunkCache::set_limit(std::uint64_t bytes) {
  std::vector<std::vector<Blob>> dropped;
  const std::lock_guard lock{mutex_};
  limit_ = bytes;
  shrink(dropped);
}

std::uint64_t ChunkCache::bytes() const {
  const std::lock_guard lock{mutex_};
  return bytes_;
}

}  // namespace tarn::archive
