// SPDX-License-Identifier: Apache-2.0
#include "manifest/directory.h"

#include <fcntl.h>
#include <gst/gst.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/archive/file.h"
#include "gstkit/ref.h"

namespace tarn::manifest {

Result<std::string> directory_of(const std::string& location) {
  if (!location.starts_with("file:")) return location;
  gchar* host = nullptr;
  GError* raw = nullptr;
  const gstkit::TextPtr path{g_filename_from_uri(location.c_str(), &host, &raw)};
  const gstkit::TextPtr host_text{host};
  const gstkit::ErrorPtr error{raw};
  if (!path) return Error{ErrorCode::invalid, location + ": " + error->message};
  if (host != nullptr && std::string_view{host} != "localhost")
    return Error{ErrorCode::invalid,
                 location + ": a directory of another machine (file:///path is one here)"};
  return std::string{path.get()};
}

Status make_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Error{ErrorCode::io, directory + ": cannot be made: " + error.message()};
  if (!std::filesystem::is_directory(directory, error))
    return Error{ErrorCode::io, directory + ": is not a directory"};
  if (faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    return Error{ErrorCode::io, directory + ": cannot be written: " + std::generic_category().message(errno)};
  return {};
}

Status carry_out(const std::string& directory, const std::vector<FileAction>& actions) {
  TRY(make_directory(directory));
  std::error_code error;
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
