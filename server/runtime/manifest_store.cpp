// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/manifest_store.h"

namespace tarn::server {
namespace {

// Of an endpoint. Anybody may ask for any window, so the number of different manifests has no bound of its
// own; a day of one rendition in 2 s segments takes 8 MB.
constexpr std::uint64_t budget = 16ULL << 20;

std::uint64_t weight(const std::string& key, const Content& content) {
  constexpr std::uint64_t overhead = 512;
  return overhead + key.size() + content.size + (content.gzip ? content.gzip->size() : 0);
}

}  // namespace

std::shared_ptr<const Content> ManifestStore::find(const Timeline& timeline, const std::string& key) const {
  const std::lock_guard lock{mutex_};
  if (of_ != timeline) return nullptr;
  const auto at = manifests_.find(key);
  return at == manifests_.end() ? nullptr : at->second;
}

void ManifestStore::insert(const Timeline& timeline, std::uint64_t revision, const std::string& key,
                           const std::shared_ptr<const Content>& content) {
  const std::lock_guard lock{mutex_};
  if (revision != revision_) return;
  if (of_ != timeline) {
    drop();
    of_ = timeline;
  }
  const std::uint64_t size = weight(key, *content);
  if (size > budget) return;
  if (bytes_ + size > budget) drop();
  if (manifests_.emplace(key, content).second) bytes_ += size;
}

void ManifestStore::clear() {
  const std::lock_guard lock{mutex_};
  ++revision_;
  drop();
}

std::uint64_t ManifestStore::revision() const {
  const std::lock_guard lock{mutex_};
  return revision_;
}

void ManifestStore::drop() {
  manifests_.clear();
  bytes_ = 0;
}

}  // namespace tarn::server
