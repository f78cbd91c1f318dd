// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "server/model/secrets.h"

namespace tarn::server {
namespace {

constexpr std::size_t longest_secret_file = std::size_t{64} * 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

Error system_error(const std::string& what, const std::string& path, int error) {
  const ErrorCode code = error == ENOENT                      ? ErrorCode::not_found
                         : error == EEXIST                    ? ErrorCode::conflict
                         : error == ENOSPC || error == EDQUOT ? ErrorCode::no_space
                                                              : ErrorCode::io;
  return {code, "cannot " + what + " " + path + ": " + std::strerror(error)};
}

Status write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("write", path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(fd) != 0) return system_error("write", path, errno);
  return {};
}

}  // namespace

Status make_private_directory(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  std::filesystem::create_directories(path, error);
  if (error) return Error{ErrorCode::io, "cannot create " + path + ": " + error.message()};
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  if (error) return Error{ErrorCode::io, "cannot protect " + path + ": " + error.message()};
  return {};
}

Result<std::string> read_secret_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return system_error("open", path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return system_error("read", path, errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::invalid, path + " is not a regular file"};
  if ((status.st_mode & S_IRWXO) != 0) {
    return Error{ErrorCode::invalid, path + " holds a secret and is open to everybody; chmod it to 0600"};
  }
  std::string content;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", path, errno);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > longest_secret_file) return Error{ErrorCode::limit, path + " is larger than 64 KiB"};
  }
}

Status create_secret_file(const std::string& path, std::string_view content) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  TRY(make_private_directory(folder.string()));
  // A complete file appears under its name, or none: a crash leaves at most the temporary one.
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  {
    const Descriptor file(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file.ok()) return system_error("create", temporary, errno);
    if (Status written = write_all(file.get(), content, temporary); !written) {
      unlink(temporary.c_str());
      return written;
    }
  }
  // link() never replaces what somebody else has just put there.
  const int linked = link(temporary.c_str(), path.c_str()) == 0 ? 0 : errno;
  unlink(temporary.c_str());
  if (linked != 0) return system_error("create", path, linked);
  const Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok() || fsync(directory.get()) != 0) return system_error("sync", folder.string(), errno);
  return {};
}

}  // namespace tarn::server
