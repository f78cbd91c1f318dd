// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "core/archive/file.h"

namespace tarn::archive {

// A second way into a file, past the page cache (O_DIRECT): for what is written once and seldom read, pages
// of the cache cost many times what the write does. Only whole blocks go that way; the bytes before the
// first and behind the last of them, and all small writes, go through the cache, so that the file has no
// padding. Whoever reads through the cache sees every write that has returned. One writer at a time.
class DirectWriter {
 public:
  // Runs of whole blocks that are shorter do not pay for the disk's answer being waited for.
  static constexpr std::uint64_t smallest = 256U << 10U;

  // Writes through the cache only.
  DirectWriter() = default;
  // Of an open file; where the file system cannot, all goes through the cache.
  static DirectWriter of(const File& file);

  // File::write_at, with its errors. `file` is the one that this was made of. Durable after its sync_data().
  Status write_at(const File& file, std::uint64_t offset, std::span<const Blob> parts) const;
  [[nodiscard]] bool is_direct() const { return direct_.is_open(); }

 private:
  File direct_;
};

}  // namespace tarn::archive
