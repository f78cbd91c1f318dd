// SPDX-License-Identifier: Apache-2.0
#include "core/archive/archive.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>

#include "core/archive/composed_archive.h"
#include "core/archive/file.h"
#include "core/archive/local_chunk_store.h"
#include "core/archive/memory_chunk_store.h"
#include "core/archive/salvage.h"
#include "core/archive/sqlite_catalogue.h"
#include "core/base/memory_pool.h"
#include "core/base/text.h"

// Opening: the format file, one process per directory, one Archive per directory and process.
namespace tarn::archive {
namespace {

constexpr std::uint64_t format_version = 1;
constexpr std::string_view format_name = "tarn-archive ";

Status check_format(const File& file) {
  constexpr std::uint64_t longest = 64;
  const std::uint64_t size = TRY(file.size());
  ByteVector bytes(static_cast<std::size_t>(std::min(size, longest)));
  TRY(file.read_at(0, bytes.data(), bytes.size()));
  const std::string_view text = as_text(bytes);
  const auto version = text.starts_with(format_name) && text.ends_with('\n')
                           ? parse_u64(text.substr(format_name.size(), text.size() - format_name.size() - 1))
                           : std::nullopt;
  if (!version || *version == 0) return malformed(file.path() + ": does not say 'tarn-archive <version>'");
  if (*version > format_version) {
    return unsupported(file.path() + ": archive format " + std::to_string(*version) +
                       " was written by a newer Tarn; this one knows up to " +
                       std::to_string(format_version));
  }
  return {};
}

bool exists(const std::string& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

bool has_entries(const std::string& directory) {
  std::error_code failed;
  return std::filesystem::directory_iterator{directory, failed} != std::filesystem::directory_iterator{};
}

Result<std::shared_ptr<ComposedArchive>> load(const std::string& directory, Absent absent,
                                              const std::shared_ptr<const File>& lock) {
  auto store = TRY(open_local_chunk_store(directory + "/chunks"));
  auto catalogue = TRY(open_sqlite_catalogue(directory + "/catalogue.db", absent));
  auto archive = std::make_shared<ComposedArchive>(directory, std::move(store), std::move(catalogue),
                                                   default_cache_bytes, lock);
  TRY(archive->load());
  return archive;
}

// SQLite calls it an error of the caller when the tables it looks for are not there any more.
bool is_damage(const Error& error) {
  return error.code == ErrorCode::malformed || error.code == ErrorCode::truncated ||
         error.code == ErrorCode::internal;
}

// Nothing is deleted: somebody may want to look at it. The name that was used.
Result<std::string> set_aside(const std::string& path) {
  std::string aside;
  for (unsigned n = 1; aside.empty() || exists(aside); ++n) aside = path + ".damaged-" + std::to_string(n);
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string from = path + suffix;
    if (::rename(from.c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT) {
      return system_error("rename", from);
    }
  }
  return aside;
}

// What is in the volumes goes into a new catalogue. What was done, in words.
Result<std::string> rebuild_catalogue(const std::string& directory, const Error& why) {
  const Salvage salvage = TRY(salvage_volumes(directory + "/chunks"));
  const std::string path = directory + "/catalogue.db";
  const std::string aside = TRY(set_aside(path));
  // Whole or not at all: a crash while it is filled must not leave an empty one.
  const std::string fresh = path + ".new";
  for (const char* suffix : {"-wal", "-shm", ""}) ::unlink((fresh + suffix).c_str());
  {
    auto catalogue = TRY(open_sqlite_catalogue(fresh, Absent::create));
    TRY(catalogue->commit(change_of(salvage)));
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return system_error("rename", fresh);
  TRY(sync_directory(directory));
  return "the catalogue was damaged (" + why.message + "), is kept as " + aside + ", and was made anew of " +
         std::to_string(salvage.slots.size()) + " slots in the volumes, " +
         std::to_string(salvage.unreadable) +
         " places of which are unreadable; segments were cut anew, in a new generation";
}

Result<std::shared_ptr<ComposedArchive>> open_fresh(const std::string& directory) {
  const std::string format = directory + "/format";
  const std::string chunks = directory + "/chunks";
  if (!exists(format)) {
    if (exists(directory + "/catalogue.db") || has_entries(chunks)) {
      return malformed(directory + ": has an archive's files, but no file 'format'");
    }
    TRY(write_file_atomically(format,
                              as_bytes(std::string{format_name} + std::to_string(format_version) + "\n")));
  }
  ::unlink((format + ".new").c_str());  // of a process that died while it made the file
  auto lock = std::make_shared<const File>(TRY(File::open(format, O_RDONLY)));
  if (::flock(lock->descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{ErrorCode::conflict, directory + ": the archive is in use by another process"};
    }
    return system_error("lock", format);
  }
  TRY(check_format(*lock));
  TRY(make_directories(chunks));
  auto loaded = load(directory, has_entries(chunks) ? Absent::refuse : Absent::create, lock);
  if (loaded.ok() || !is_damage(loaded.error())) return loaded;
  const std::string repair = TRY(rebuild_catalogue(directory, loaded.error()));
  auto archive = TRY(load(directory, Absent::refuse, lock));
  archive->note_repair(repair);
  return archive;
}

// The archives that are open in this process. An entry stays until its archive is closed entirely,
// and whoever opens it again meanwhile waits for that.
class OpenArchives {
 public:
  Result<std::shared_ptr<Archive>> open(const std::string& path) {
    std::unique_lock lock{mutex_};
    for (;;) {
      const auto at = entries_.find(path);
      if (at == entries_.end()) break;
      if (auto archive = at->second.lock()) return archive;
      changed_.wait(lock);
    }
    entries_[path];  // expired: others wait
    lock.unlock();
    auto opened = open_fresh(path);
    lock.lock();
    if (!opened.ok()) {
      forget(path);
      return std::move(opened).error();
    }
    Archive* const archive = opened->get();
    std::shared_ptr<Archive> shared{archive, [this, path, owner = std::move(*opened)](Archive*) mutable {
                                      owner.reset();
                                      const std::lock_guard relock{mutex_};
                                      forget(path);
                                    }};
    entries_[path] = shared;
    changed_.notify_all();
    return shared;
  }

 private:
  void forget(const std::string& path) {
    entries_.erase(path);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::weak_ptr<Archive>> entries_;
};

OpenArchives& open_archives() {
  // Never destroyed: an archive may be released by another static's destructor.
  static auto* const archives = new OpenArchives;
  return *archives;
}

}  // namespace

Result<std::shared_ptr<Archive>> Archive::open(const std::string& directory) {
  TRY(make_directories(directory));
  std::error_code failed;
  const std::string path = std::filesystem::canonical(directory, failed).string();
  if (failed) return Error{ErrorCode::io, directory + ": " + failed.message()};
  return open_archives().open(path);
}

std::shared_ptr<Archive> Archive::in_memory() {
  auto catalogue = open_sqlite_catalogue(":memory:", Absent::create);
  if (!catalogue.ok()) return nullptr;
  auto archive = std::make_shared<ComposedArchive>("archive in memory", make_memory_chunk_store(),
                                                   std::move(catalogue).value(), 0);
  if (!archive->load().ok()) return nullptr;
  return archive;
}

Result<Blob> Archive::read(const timeline::Chunk& chunk) {
  std::vector<Blob> parts = TRY(read_parts(chunk));
  if (parts.size() == 1) return std::move(parts.front());
  std::size_t size = 0;
  for (const Blob& part : parts) size += part.size();
  PooledBytes joined{size};
  std::uint8_t* end = joined.data();
  for (const Blob& part : parts) end = std::copy_n(part.data(), part.size(), end);
  return joined.release();
}

}  // namespace tarn::archive
