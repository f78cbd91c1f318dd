// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

// System calls of a file, with an owner and Results. EINTR is handled here and nowhere else.
namespace tarn::archive {

// Error of the current errno: no_space for a full disk or quota, not_found, else io.
Error system_error(const std::string& what, const std::string& path);

class File {
 public:
  File() = default;
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  // `flags` and `mode` as open(2) has them.
  static Result<File> open(const std::string& path, int flags, unsigned mode = 0644);

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Result<std::uint64_t> size() const;

  // All of them or an error; one system call unless the kernel cuts it short.
  Status write_at(std::uint64_t offset, std::span<const Blob> parts) const;
  // Exactly size bytes; truncated when the file ends before.
  Status read_at(std::uint64_t offset, std::uint8_t* data, std::size_t size) const;
  // fsync(2) also makes a directory's entries durable.
  Status sync() const;
  Status sync_data() const;
  // Begins to write the dirty pages out, so that a later sync_data() has less to wait for.
  Status start_write_out() const;

 private:
  int descriptor_ = -1;
  std::string path_;
};

Status sync_directory(const std::string& path);
// With its parents; each new entry is durable.
Status make_directories(const std::string& path);
// Whole or not at all, durable: a temporary file in the same directory, then a rename.
Status write_file_atomically(const std::string& path, Bytes bytes);

}  // namespace tarn::archive
