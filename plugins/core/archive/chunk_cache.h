// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/bytes.h"

namespace tarn::archive {

// The newest chunks, as they were appended, up to a number of bytes: a live segment is gathered
// without reading or copying. Reading does not put anything in: a viewer of the past must not push
// the live edge out. Thread-safe.
class ChunkCache {
 public:
  explicit ChunkCache(std::uint64_t limit_bytes) : limit_(limit_bytes) {}

  // Serials must rise. A chunk larger than the limit is not kept.
  void put(std::uint64_t serial, std::vector<Blob> parts);
  [[nodiscard]] std::optional<std::vector<Blob>> find(std::uint64_t serial) const;
  void set_limit(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  void shrink(std::vector<std::vector<Blob>>& dropped);

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::vector<Blob>> chunks_;
  std::deque<std::uint64_t> order_;  // oldest first
  std::uint64_t limit_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tarn::archive
