// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <filesystem>
#include <fstream>

#include "core/base/memory_pool.h"
#include "ingest/object_path.h"
#include "ingest/object_source.h"

namespace tarn::ingest {
namespace {

class FolderSource final : public ObjectSource {
 public:
  Result<Blob> fetch(const std::string& location, std::size_t most, Microseconds /*patience*/) override {
    if (cancelled_) return Error{ErrorCode::io, location + ": cancelled"};
    std::error_code failed;
    const std::uintmax_t size = std::filesystem::file_size(location, failed);
    if (failed) {
      const bool is_gone = failed == std::errc::no_such_file_or_directory;
      return Error{is_gone ? ErrorCode::not_found : ErrorCode::io, location + ": " + failed.message()};
    }
    if (size > most) {
      return Error{ErrorCode::limit, location + ": larger than " + std::to_string(most) + " bytes"};
    }
    const auto length = static_cast<std::size_t>(size);
    PooledBytes content{length};
    std::ifstream file{location, std::ios::binary};
    file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(length));
    if (!file) return Error{ErrorCode::io, location + ": cannot be read"};
    return content.release();
  }

  // A URI of a file: nothing above the folder, and no other file system's names.
  [[nodiscard]] std::string resolve(const std::string& base, const std::string& uri) const override {
    if (uri.find("://") != std::string::npos || uri.starts_with('/')) return {};
    const auto name = ObjectName::resolve("", uri);
    if (!name.ok()) return {};
    return (std::filesystem::path{base}.parent_path() / name->text()).string();
  }

  void cancel() override { cancelled_ = true; }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace

std::unique_ptr<ObjectSource> make_folder_source() { return std::make_unique<FolderSource>(); }

}  // namespace tarn::ingest
