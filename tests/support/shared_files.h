// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace tarn::test {

// Vectors, schemas and recorded sessions that are not part of the project: $TARN_SHARED, else `shared`
// beside the project. None: a test that needs them is skipped. TARN_SOURCE_ROOT comes from meson.build.
inline std::optional<std::filesystem::path> shared_files() {
  const char* named = std::getenv("TARN_SHARED");
  const std::filesystem::path path =
      named != nullptr ? std::filesystem::path{named} : std::filesystem::path{TARN_SOURCE_ROOT "/../shared"};
  if (!std::filesystem::is_directory(path)) return std::nullopt;
  return path;
}

}  // namespace tarn::test
