// SPDX-License-Identifier: Apache-2.0
#include "manifest/directory.h"

#include <filesystem>

#include "core/archive/file.h"

namespace tarn::manifest {

Status carry_out(const std::string& directory, const std::vector<FileAction>& actions) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Error{ErrorCode::io, directory + ": cannot be made: " + error.message()};
  for (const FileAction& action : actions) {
    const std::string path = directory + "/" + action.name;
    if (action.is_deletion) {
      std::filesystem::remove(path, error);  // one that is gone already is what was wanted
      continue;
    }
    ByteVector bytes;
    std::size_t size = 0;
    for (const Blob& part : action.parts) size += part.size();
    bytes.reserve(size);
    for (const Blob& part : action.parts) bytes.insert(bytes.end(), part.bytes().begin(), part.bytes().end());
    TRY(archive::write_file_atomically(path, bytes));
  }
  return {};
}

}  // namespace tarn::manifest
