// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace tarn {

// A file that a test's log goes to.
class LogFile {
 public:
  LogFile() : descriptor_(::memfd_create("log", MFD_CLOEXEC)) {}
  ~LogFile() { ::close(descriptor_); }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::string text() const {
    struct stat facts {};
    ::fstat(descriptor_, &facts);
    std::string all(static_cast<std::size_t>(facts.st_size), '\0');
    const ssize_t got = ::pread(descriptor_, all.data(), all.size(), 0);
    all.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return all;
  }

 private:
  int descriptor_;
};

}  // namespace tarn
