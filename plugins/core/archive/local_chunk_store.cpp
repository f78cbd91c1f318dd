// SPDX-License-Identifier: Apache-2.0
#include "core/archive/local_chunk_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <list>
#include <map>
#include <mutex>
#include <unordered_map>

#include "core/archive/crc32c.h"
#include "core/archive/direct_writer.h"
#include "core/archive/file.h"
#include "core/archive/salvage.h"
#include "core/archive/volume.h"
#include "core/base/memory_pool.h"

namespace tarn::archive {
namespace {

// Volumes kept open for reading; a viewer of the past reads one volume per track for minutes.
constexpr std::size_t max_open_for_reading = 64;

std::string_view extension_of(codecs::Kind kind) {
  switch (kind) {
    case codecs::Kind::video:
      return ".cmfv";
    case codecs::Kind::audio:
      return ".cmfa";
    case codecs::Kind::text:
      break;
  }
  return ".cmft";
}

struct OpenVolume {
  std::shared_ptr<const File> file;
  std::shared_ptr<const DirectWriter> writer;
  std::uint32_t number = 0;
  std::uint32_t stretch = 0;
  std::uint64_t end = 0;    // of the last whole chunk; the next goes here
  std::uint64_t media = 0;  // ticks of the track
  bool dirty = false;
};

class LocalChunkStore final : public ChunkStore {
 public:
  LocalChunkStore(std::string directory, VolumeLimits limits)
      : directory_(std::move(directory)), limits_(limits) {}

  Status scan();
  std::vector<std::uint32_t> recover(std::uint32_t known) override;
  Result<timeline::ChunkLocation> append(const VolumeHead& head, const ChunkLabel& label,
                                         std::span<const Blob> parts) override;
  Status sync() override;
  Result<std::vector<Blob>> read(const timeline::Chunk& chunk) override;
  Result<Salvage> salvage() const override { return salvage_volumes(directory_); }
  Status remove(std::uint32_t volume) override;
  [[nodiscard]] std::uint64_t bytes() const override;

 private:
  struct Volume {
    std::string path;
    std::uint64_t size = 0;
  };

  [[nodiscard]] bool is_full(const OpenVolume& volume, const VolumeHead& head) const;
  void retire(timeline::TrackId track);
  Result<OpenVolume> create(const VolumeHead& head);
  void discard(const OpenVolume& volume);
  void keep_open(std::uint32_t volume, std::shared_ptr<const File> file);  // with mutex_ held
  Result<std::shared_ptr<const File>> file_of(std::uint32_t volume);

  const std::string directory_;
  const VolumeLimits limits_;

  // Of the writer alone.
  std::map<timeline::TrackId, OpenVolume> open_;
  std::vector<std::shared_ptr<const File>> retired_;  // closed, but not synced yet
  bool directory_dirty_ = false;
  std::uint32_t last_number_ = 0;

  // Of everybody; never held during input or output of chunks.
  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, Volume> volumes_;
  std::list<std::pair<std::uint32_t, std::shared_ptr<const File>>> reading_;  // last used first
  std::uint64_t bytes_ = 0;
};

Status LocalChunkStore::scan() {
  std::error_code failed;
  auto entry = std::filesystem::directory_iterator{directory_, failed};
  for (; !failed && entry != std::filesystem::directory_iterator{}; entry.increment(failed)) {
    const std::uint32_t number = volume_number(entry->path().filename().string());
    if (number == 0) continue;
    const std::uint64_t size = entry->file_size(failed);
    if (failed) break;
    volumes_[number] = {entry->path().string(), size};
    bytes_ += size;
    last_number_ = std::max(last_number_, number);
  }
  if (failed) return Error{ErrorCode::io, directory_ + ": " + failed.message()};
  return {};
}

std::vector<std::uint32_t> LocalChunkStore::recover(std::uint32_t known) {
  last_number_ = std::max(last_number_, known);
  std::vector<std::uint32_t> found;
  found.reserve(volumes_.size());
  for (const auto& [number, volume] : volumes_) found.push_back(number);
  return found;
}

bool LocalChunkStore::is_full(const OpenVolume& volume, const VolumeHead& head) const {
  return volume.stretch != head.stretch || volume.end >= limits_.bytes ||
         volume.media >= std::uint64_t{limits_.seconds} * head.timescale;
}

void LocalChunkStore::retire(timeline::TrackId track) {
  const auto at = open_.find(track);
  if (at->second.dirty) retired_.push_back(std::move(at->second.file));
  open_.erase(at);
}

Result<OpenVolume> LocalChunkStore::create(const VolumeHead& head) {
  if (last_number_ == 0xFFFF'FFFFU) return Error{ErrorCode::limit, directory_ + ": volume numbers used up"};
  OpenVolume volume;
  volume.number = last_number_ + 1;
  volume.stretch = head.stretch;
  const std::string path = directory_ + "/t" + std::to_string(head.track) + "-" +
                           std::to_string(volume.number) + std::string{extension_of(head.kind)};
  volume.file = std::make_shared<const File>(TRY(File::open(path, O_RDWR | O_CREAT | O_EXCL)));
  volume.writer = std::make_shared<const DirectWriter>(DirectWriter::of(*volume.file));
  last_number_ = volume.number;
  return volume;
}

void LocalChunkStore::discard(const OpenVolume& volume) { ::unlink(volume.file->path().c_str()); }

Result<timeline::ChunkLocation> LocalChunkStore::append(const VolumeHead& head, const ChunkLabel& label,
                                                        std::span<const Blob> parts) {
  auto at = open_.find(head.track);
  if (at != open_.end() && is_full(at->second, head)) {
    retire(head.track);
    at = open_.end();
  }
  const bool is_new = at == open_.end();
  OpenVolume volume = is_new ? TRY(create(head)) : at->second;

  ChunkBox box{label, head.stretch, 0, checksum_of(parts)};
  for (const Blob& part : parts) box.size += static_cast<std::uint32_t>(part.size());
  ByteVector front;
  if (is_new) {
    front.assign(head.init.bytes().begin(), head.init.bytes().end());
    write_volume_box(head, front);
  }
  write_chunk_box(box, front);
  std::vector<Blob> all{Blob{nullptr, Bytes{front}}};
  all.insert(all.end(), parts.begin(), parts.end());

  if (Status written = volume.writer->write_at(*volume.file, volume.end, all); !written) {
    if (is_new) discard(volume);
    return std::move(written).error();
  }
  const timeline::ChunkLocation location{volume.number, box.size, volume.end + front.size()};
  const std::uint64_t grown = front.size() + box.size;
  volume.end += grown;
  volume.media += static_cast<std::uint64_t>(std::max<std::int64_t>(label.duration, 0));
  volume.dirty = true;
  directory_dirty_ = directory_dirty_ || is_new;
  {
    const std::lock_guard lock{mutex_};
    Volume& known = volumes_[volume.number];
    if (is_new) known.path = volume.file->path();
    known.size = volume.end;
    bytes_ += grown;
    if (is_new) keep_open(volume.number, volume.file);
  }
  open_[head.track] = std::move(volume);
  return location;
}

// All files begin to write out before the first is waited for, so that the disk sees one batch, and
// one commit of the file system's journal carries the sizes of all.
Status LocalChunkStore::sync() {
  std::vector<std::shared_ptr<const File>> files = std::exchange(retired_, {});
  for (auto& [track, volume] : open_) {
    if (std::exchange(volume.dirty, false)) files.push_back(volume.file);
  }
  for (const auto& file : files) TRY(file->start_write_out());
  for (const auto& file : files) TRY(file->sync_data());
  if (std::exchange(directory_dirty_, false)) TRY(sync_directory(directory_));
  return {};
}

void LocalChunkStore::keep_open(std::uint32_t volume, std::shared_ptr<const File> file) {
  reading_.emplace_front(volume, std::move(file));
  if (reading_.size() > max_open_for_reading) reading_.pop_back();
}

Result<std::shared_ptr<const File>> LocalChunkStore::file_of(std::uint32_t volume) {
  std::string path;
  {
    const std::lock_guard lock{mutex_};
    const auto open =
        std::find_if(reading_.begin(), reading_.end(), [&](const auto& f) { return f.first == volume; });
    if (open != reading_.end()) {
      reading_.splice(reading_.begin(), reading_, open);
      return reading_.front().second;
    }
    const auto known = volumes_.find(volume);
    if (known == volumes_.end()) {
      return not_found(directory_ + ": volume " + std::to_string(volume) + " does not exist");
    }
    path = known->second.path;
  }
  auto file = std::make_shared<const File>(TRY(File::open(path, O_RDONLY)));
  const std::lock_guard lock{mutex_};
  if (volumes_.count(volume) == 0) return not_found(path + ": was removed");
  keep_open(volume, file);
  return file;
}

// One read fetches the chunk's box as well: it proves that the bytes are the chunk that was asked for.
Result<std::vector<Blob>> LocalChunkStore::read(const timeline::Chunk& chunk) {
  const auto file = TRY(file_of(chunk.location.volume));
  const std::string name = file->path() + ": chunk " + std::to_string(chunk.serial);
  if (chunk.location.offset < chunk_box_size || chunk.location.size > max_chunk_size) {
    return malformed(name + ": impossible location");
  }
  const std::size_t size = chunk_box_size + chunk.location.size;
  PooledBytes buffer{size};
  TRY(file->read_at(chunk.location.offset - chunk_box_size, buffer.data(), size));
  const auto box = parse_chunk_box(Bytes{buffer.data(), size});
  if (!box.ok()) return malformed(name + ": " + box.error().message);
  if (box->label.serial != chunk.serial || box->size != chunk.location.size) {
    return malformed(name + ": another chunk is in its place");
  }
  if (box->checksum != crc32c(Bytes{buffer.data(), size}.subspan(chunk_box_size))) {
    return malformed(name + ": its bytes are damaged");
  }
  return std::vector<Blob>{buffer.release().slice(chunk_box_size, chunk.location.size)};
}

Status LocalChunkStore::remove(std::uint32_t volume) {
  for (auto at = open_.begin(); at != open_.end(); ++at) {
    if (at->second.number != volume) continue;
    open_.erase(at);
    break;
  }
  std::string path;
  {
    const std::lock_guard lock{mutex_};
    const auto known = volumes_.find(volume);
    if (known == volumes_.end()) return {};
    path = known->second.path;
    bytes_ -= known->second.size;
    volumes_.erase(known);
    reading_.remove_if([&](const auto& open) { return open.first == volume; });
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("unlink", path);
  return {};
}

std::uint64_t LocalChunkStore::bytes() const {
  const std::lock_guard lock{mutex_};
  return bytes_;
}

}  // namespace

Result<std::unique_ptr<ChunkStore>> open_local_chunk_store(const std::string& directory,
                                                           VolumeLimits limits) {
  auto store = std::make_unique<LocalChunkStore>(directory, limits);
  TRY(store->scan());
  return std::unique_ptr<ChunkStore>{std::move(store)};
}

}  // namespace tarn::archive
