// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "server/runtime/origin.h"

namespace tarn::server {

// Packaged segments and headers in memory, up to a number of bytes; what was not asked for longest goes
// first. Thread-safe.
class ContentCache {
 public:
  explicit ContentCache(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  std::shared_ptr<const Content> find(const std::string& key);
  // Content larger than a quarter of the limit is not kept.
  void insert(const std::string& key, std::shared_ptr<const Content> content);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Content> content;
  };
  const std::uint64_t limit_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> index_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tarn::server
