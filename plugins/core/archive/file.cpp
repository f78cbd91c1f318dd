// SPDX-License-Identifier: Apache-2.0
#include "core/archive/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tarn::archive {
namespace {

// Calls until it is not interrupted; `call` answers -1 and errno.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace

Error system_error(const std::string& what, const std::string& path) {
  const int number = errno;
  ErrorCode code = ErrorCode::io;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::no_space;
  if (number == ENOENT) code = ErrorCode::not_found;
  return {code, path + ": " + what + ": " + std::generic_category().message(number)};
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

Result<File> File::open(const std::string& path, int flags, unsigned mode) {
  File file;
  file.descriptor_ = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (file.descriptor_ < 0) return system_error("open", path);
  file.path_ = path;
  return file;
}

Result<std::uint64_t> File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return system_error("stat", path_);
  return static_cast<std::uint64_t>(status.st_size);
}

Status File::write_at(std::uint64_t offset, std::span<const Blob> parts) const {
  std::array<iovec, 64> vectors{};
  std::size_t skip = 0;  // bytes of the first part that are written already
  while (!parts.empty()) {
    const std::size_t count = std::min(parts.size(), vectors.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t from = i == 0 ? skip : 0;
      // writev does not write to iov_base.
      vectors[i] = {const_cast<std::uint8_t*>(parts[i].data()) + from, parts[i].size() - from};
    }
    const ssize_t result = uninterrupted([&] {
      return ::pwritev(descriptor_, vectors.data(), static_cast<int>(count), static_cast<off_t>(offset));
    });
    if (result < 0) return system_error("write", path_);
    offset += static_cast<std::uint64_t>(result);
    skip += static_cast<std::size_t>(result);
    while (!parts.empty() && skip >= parts.front().size()) {
      skip -= parts.front().size();
      parts = parts.subspan(1);
    }
  }
  return {};
}

Status File::read_at(std::uint64_t offset, std::uint8_t* data, std::size_t size) const {
  while (size > 0) {
    const ssize_t result =
        uninterrupted([&] { return ::pread(descriptor_, data, size, static_cast<off_t>(offset)); });
    if (result < 0) return system_error("read", path_);
    if (result == 0) return truncated(path_ + ": ends before offset " + std::to_string(offset + size));
    offset += static_cast<std::uint64_t>(result);
    data += result;
    size -= static_cast<std::size_t>(result);
  }
  return {};
}

// Never interrupted and retried: after an error the kernel may have dropped the dirty pages, and a
// second fsync that answers 0 proves nothing.
Status File::sync() const {
  if (::fsync(descriptor_) != 0) return system_error("fsync", path_);
  return {};
}

Status File::sync_data() const {
  if (::fdatasync(descriptor_) != 0) return system_error("fdatasync", path_);
  return {};
}

Status File::start_write_out() const {
  if (::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE) == 0) return {};
  // Not every file system can; the sync that follows does it all then.
  if (errno == ESPIPE || errno == EINVAL || errno == ENOSYS) return {};
  return system_error("write out", path_);
}

Status sync_directory(const std::string& path) {
  const File directory = TRY(File::open(path, O_RDONLY | O_DIRECTORY));
  return directory.sync();
}

Status make_directories(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(path, failed);
  std::filesystem::path made;
  for (const auto& component : absolute.lexically_normal()) {
    const std::filesystem::path parent = made;
    made /= component;
    if (std::filesystem::is_directory(made, failed)) continue;
    // Another thread may make the same one at this moment.
    const bool is_there =
        ::mkdir(made.c_str(), 0755) == 0 || (errno == EEXIST && std::filesystem::is_directory(made, failed));
    if (!is_there) return system_error("mkdir", made.string());
    TRY(sync_directory(parent.string()));
  }
  return {};
}

Status write_file_atomically(const std::string& path, Bytes bytes) {
  const std::string temporary = path + ".new";
  {
    const File file = TRY(File::open(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    const Blob part{nullptr, bytes};
    TRY(file.write_at(0, {&part, 1}));
    TRY(file.sync());
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("rename", path);
  return sync_directory(std::filesystem::path{path}.parent_path().string());
}

}  // namespace tarn::archive
