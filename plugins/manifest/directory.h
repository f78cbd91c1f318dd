// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "manifest/manifest_builder.h"

namespace tarn::manifest {

// The directory that a `location` names: a path, or a URL file:///… of one. Errors: invalid
Result<std::string> directory_of(const std::string& location);

// Makes it when it is not there. Errors: io, with its path: it cannot be made, or not be written
Status make_directory(const std::string& directory);

// Carries out actions below `directory`, which is made when it is not there. A file is there whole or not at
// all, and durable when this returns. Errors: io, no_space
Status carry_out(const std::string& directory, const std::vector<FileAction>& actions);

}  // namespace tarn::manifest
