// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/content_cache.h"

namespace tarn::server {

std::shared_ptr<const Content> ContentCache::find(const std::string& key) {
  const std::lock_guard lock{mutex_};
  const auto at = index_.find(key);
  if (at == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, at->second);
  return at->second->content;
}

void ContentCache::insert(const std::string& key, std::shared_ptr<const Content> content) {
  if (content->size > limit_bytes_ / 4) return;
  const std::lock_guard lock{mutex_};
  if (const auto old = index_.find(key); old != index_.end()) {
    bytes_ -= old->second->content->size;
    entries_.erase(old->second);
    index_.erase(old);
  }
  bytes_ += content->size;
  entries_.push_front(Entry{key, std::move(content)});
  index_[key] = entries_.begin();
  while (bytes_ > limit_bytes_) {
    const Entry& last = entries_.back();
    bytes_ -= last.content->size;
    index_.erase(last.key);
    entries_.pop_back();
  }
}

std::uint64_t ContentCache::bytes() const {
  const std::lock_guard lock{mutex_};
  return bytes_;
}

}  // namespace tarn::server
