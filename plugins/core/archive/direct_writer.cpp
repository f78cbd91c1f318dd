// SPDX-License-Identifier: Apache-2.0
#include "core/archive/direct_writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "core/base/memory_pool.h"

namespace tarn::archive {
namespace {

// What offsets, sizes and memory are aligned to: a multiple of every block that disks have.
constexpr std::uint64_t block = 4096;
// Of one system call; what is copied for it is in the processor's cache when the disk asks for it.
constexpr std::size_t piece_bytes = 2U << 20U;

std::uint64_t blocks_before(std::uint64_t offset) { return offset / block * block; }

// The file system says that it takes aligned writes without the page cache. Nothing is tried out: a write
// that fails must always mean that the disk has failed.
bool can_write_directly(const File& file) {
#ifdef STATX_DIOALIGN
  struct statx status {};
  if (::statx(file.descriptor(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) != 0) return false;
  const auto fits = [](std::uint32_t alignment) { return alignment > 0 && block % alignment == 0; };
  return (status.stx_mask & STATX_DIOALIGN) != 0 && fits(status.stx_dio_mem_align) &&
         fits(status.stx_dio_offset_align);
#else
  static_cast<void>(file);
  return false;
#endif
}

// Parts as one run of bytes, taken from its front.
class Run {
 public:
  explicit Run(std::span<const Blob> parts) : parts_(parts) {}

  // REQUIRES: so many are left
  std::vector<Blob> take(std::uint64_t count) {
    std::vector<Blob> taken;
    each(count, [&](const Blob& part) { taken.push_back(part); });
    return taken;
  }
  void copy(std::uint8_t* into, std::uint64_t count) {
    each(count, [&](const Blob& part) {
      std::memcpy(into, part.data(), part.size());
      into += part.size();
    });
  }

 private:
  template <class Use>
  void each(std::uint64_t count, Use use) {
    while (count > 0) {
      const Blob& front = parts_.front();
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(count, front.size() - used_));
      if (size > 0) use(front.slice(used_, size));
      used_ += size;
      count -= size;
      if (used_ < front.size()) continue;
      parts_ = parts_.subspan(1);
      used_ = 0;
    }
  }

  std::span<const Blob> parts_;
  std::size_t used_ = 0;  // of the first
};

std::uint64_t size_of(std::span<const Blob> parts) {
  std::uint64_t size = 0;
  for (const Blob& part : parts) size += part.size();
  return size;
}

}  // namespace

DirectWriter DirectWriter::of(const File& file) {
  DirectWriter writer;
  if (!can_write_directly(file)) return writer;
  if (auto direct = File::open(file.path(), O_WRONLY | O_DIRECT)) writer.direct_ = std::move(direct).value();
  return writer;
}

Status DirectWriter::write_at(const File& file, std::uint64_t offset, std::span<const Blob> parts) const {
  const std::uint64_t end = offset + size_of(parts);
  std::uint64_t at = blocks_before(offset + block - 1);
  const std::uint64_t last = blocks_before(end);
  if (!direct_.is_open() || last < at + smallest) return file.write_at(offset, parts);
  Run run{parts};
  TRY(file.write_at(offset, run.take(at - offset)));
  PooledBytes memory{piece_bytes + block};
  void* aligned = memory.data();
  std::size_t room = memory.size();
  auto* const piece = static_cast<std::uint8_t*>(std::align(block, piece_bytes, aligned, room));
  while (at < last) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, last - at));
    run.copy(piece, size);
    const Blob whole{nullptr, Bytes{piece, size}};
    TRY(direct_.write_at(at, {&whole, 1}));
    at += size;
  }
  return file.write_at(last, run.take(end - last));
}

}  // namespace tarn::archive
