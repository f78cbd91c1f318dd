// SPDX-License-Identifier: Apache-2.0
#include "core/archive/memory_chunk_store.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "core/archive/salvage.h"

namespace tarn::archive {
namespace {

class MemoryChunkStore final : public ChunkStore {
 public:
  explicit MemoryChunkStore(VolumeLimits limits) : limits_(limits) {}

  std::vector<std::uint32_t> recover(std::uint32_t known) override {
    last_number_ = std::max(last_number_, known);
    return {};
  }

  Result<timeline::ChunkLocation> append(const VolumeHead& head, const ChunkLabel& label,
                                         std::span<const Blob> parts) override {
    const std::lock_guard lock{mutex_};
    Open& open = open_[head.track];
    if (open.number == 0 || open.stretch != head.stretch || open.end >= limits_.bytes ||
        open.media >= std::uint64_t{limits_.seconds} * head.timescale) {
      open = {++last_number_, head.stretch};
    }
    timeline::ChunkLocation location{open.number, 0, open.end};
    for (const Blob& part : parts) location.size += static_cast<std::uint32_t>(part.size());
    volumes_[open.number].emplace(open.end, std::vector<Blob>(parts.begin(), parts.end()));
    open.end += location.size;
    open.media += static_cast<std::uint64_t>(std::max<std::int64_t>(label.duration, 0));
    bytes_ += location.size;
    return location;
  }

  Status sync() override { return {}; }

  Result<std::vector<Blob>> read(const timeline::Chunk& chunk) override {
    const std::lock_guard lock{mutex_};
    const auto volume = volumes_.find(chunk.location.volume);
    if (volume != volumes_.end()) {
      const auto at = volume->second.find(chunk.location.offset);
      if (at != volume->second.end()) return at->second;
    }
    return not_found("chunk " + std::to_string(chunk.serial) + ": not in memory any more");
  }

  Result<Salvage> salvage() const override { return Salvage{}; }

  Status remove(std::uint32_t number) override {
    const std::lock_guard lock{mutex_};
    std::erase_if(open_, [&](const auto& open) { return open.second.number == number; });
    const auto volume = volumes_.find(number);
    if (volume == volumes_.end()) return {};
    for (const auto& [offset, parts] : volume->second) {
      for (const Blob& part : parts) bytes_ -= part.size();
    }
    volumes_.erase(volume);
    return {};
  }

  [[nodiscard]] std::uint64_t bytes() const override {
    const std::lock_guard lock{mutex_};
    return bytes_;
  }

 private:
  struct Open {
    std::uint32_t number = 0;
    std::uint32_t stretch = 0;
    std::uint64_t end = 0;
    std::uint64_t media = 0;  // ticks of the track
  };

  const VolumeLimits limits_;
  mutable std::mutex mutex_;
  std::map<timeline::TrackId, Open> open_;
  std::map<std::uint32_t, std::map<std::uint64_t, std::vector<Blob>>> volumes_;
  std::uint32_t last_number_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<ChunkStore> make_memory_chunk_store(VolumeLimits limits) {
  return std::make_unique<MemoryChunkStore>(limits);
}

}  // namespace tarn::archive
