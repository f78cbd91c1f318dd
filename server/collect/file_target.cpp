// SPDX-License-Identifier: Apache-2.0
#include "server/collect/file_target.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/base/text.h"
#include "server/collect/signature.h"

namespace tarn::server {
namespace {

constexpr mode_t directory_mode = 0755;  // a web server may read what was collected
constexpr mode_t file_mode = 0644;
// ".s1.ts.part" is what will be "s1.ts". No object of a task has such a name.
constexpr std::string_view piece_begin = ".";
constexpr std::string_view piece_end = ".part";

Error failed(const std::string& what) {
  const int code = errno;
  const bool is_full = code == ENOSPC || code == EDQUOT;
  return {is_full ? ErrorCode::no_space : ErrorCode::io, what + ": " + std::strerror(code)};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int get() const { return fd_; }
  void release() { fd_ = -1; }

 private:
  int fd_;
};

Status write_all(int fd, Bytes bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("cannot write " + name);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

// Opens a directory below another one, made when missing; its name is on disk when it returns.
Result<Descriptor> enter(const Descriptor& parent, const std::string& name) {
  if (::mkdirat(parent.get(), name.c_str(), directory_mode) == 0) {
    if (::fsync(parent.get()) != 0) return failed("cannot keep the directory " + name);
  } else if (errno != EEXIST) {
    return failed("cannot make the directory " + name);
  }
  Descriptor child{::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (child.get() >= 0) return child;
  if (errno == ELOOP || errno == ENOTDIR) {
    return Error{ErrorCode::invalid, "the target's " + name + " is not a directory"};
  }
  return failed("cannot open the directory " + name);
}

class FileTarget final : public Target {
 public:
  explicit FileTarget(Descriptor directory) : directory_(std::move(directory)) {}

  Result<std::optional<StoredObject>> find(const std::string& name) override {
    const Descriptor file{
        ::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
    if (file.get() < 0 && errno == ENOENT) return std::optional<StoredObject>{};
    if (file.get() < 0 && errno == ELOOP) return std::optional<StoredObject>{StoredObject{}};
    if (file.get() < 0) return failed("cannot look at " + name);
    ByteVector bytes(64U << 10U);
    Md5 sum;
    StoredObject found;
    for (;;) {
      const ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return failed("cannot read " + name);
      if (size == 0) break;
      sum.add(Bytes{bytes}.first(static_cast<std::size_t>(size)));
      found.size += static_cast<std::uint64_t>(size);
    }
    found.md5 = sum.hex();
    return std::optional{found};
  }

  Status put(const std::string& name, const std::string&, const std::vector<Blob>& parts) override {
    const std::string temporary = std::string{piece_begin} + name + std::string{piece_end};
    const Status put = write(name, temporary, parts);
    // What is half there is of no use to anybody.
    if (!put) ::unlinkat(directory_.get(), temporary.c_str(), 0);
    return put;
  }

  Status remove(const std::string& name) override {
    if (::unlinkat(directory_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return failed("cannot remove " + name);
  }

  Status tidy() override {
    Descriptor again{::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (again.get() < 0) return failed("cannot look into the folder");
    const std::unique_ptr<DIR, int (*)(DIR*)> listing{::fdopendir(again.get()), &::closedir};
    if (!listing) return failed("cannot look into the folder");
    again.release();  // the listing's
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(listing.get());
      if (entry == nullptr) return errno == 0 ? Status{} : Status{failed("cannot look into the folder")};
      const std::string_view name = entry->d_name;
      if (!name.starts_with(piece_begin) || !name.ends_with(piece_end)) continue;
      if (::unlinkat(directory_.get(), entry->d_name, 0) != 0 && errno != ENOENT) {
        return failed("cannot remove " + std::string{name});
      }
    }
  }

 private:
  Status write(const std::string& name, const std::string& temporary, const std::vector<Blob>& parts) {
    {
      const Descriptor file{::openat(directory_.get(), temporary.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, file_mode)};
      if (file.get() < 0) return failed("cannot create " + name);
      for (const Blob& part : parts) TRY(write_all(file.get(), part.bytes(), name));
      if (::fsync(file.get()) != 0) return failed("cannot write " + name);
    }
    if (::renameat(directory_.get(), temporary.c_str(), directory_.get(), name.c_str()) != 0) {
      return failed("cannot create " + name);
    }
    return ::fsync(directory_.get()) == 0 ? Status{} : Status{failed("cannot write " + name)};
  }

  Descriptor directory_;
};

}  // namespace

bool is_file_target_path(std::string_view path) {
  if (path.empty()) return true;
  for (const std::string_view component : split(path, '/')) {
    if (!is_path_component(component)) return false;
  }
  return true;
}

Result<std::unique_ptr<Target>> make_file_target(const std::string& root, const std::string& path,
                                                 const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(root, error);
  Descriptor directory{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.get() < 0) return failed("cannot open the collection root");
  if (!path.empty()) {
    for (const std::string_view component : split(path, '/')) {
      directory = TRY(enter(directory, std::string{component}));
    }
  }
  directory = TRY(enter(directory, folder));
  return std::unique_ptr<Target>{std::make_unique<FileTarget>(std::move(directory))};
}

}  // namespace tarn::server
