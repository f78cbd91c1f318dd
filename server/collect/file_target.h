// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/collect/target.h"

namespace tarn::server {

// "clip", "2026/news": components of [A-Za-z0-9_-][A-Za-z0-9._-]*, so that nothing leads out of the root.
// May be empty.
bool is_file_target_path(std::string_view path);

// Files below <root>/<path>/<folder>, written beside their place and renamed when they are on disk.
// A symbolic link in the way is refused.
Result<std::unique_ptr<Target>> make_file_target(const std::string& root, const std::string& path,
                                                 const std::string& folder);

}  // namespace tarn::server
