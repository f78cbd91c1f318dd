// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/archive/catalogue.h"

namespace tarn::archive {

enum class Absent { create, refuse };

// The catalogue in one SQLite file; `path` ":memory:" for one that is not kept. A file that is not
// a catalogue, or a damaged one, is refused as malformed, a newer schema as unsupported, and an
// empty or missing one as `absent` says.
Result<std::unique_ptr<Catalogue>> open_sqlite_catalogue(const std::string& path, Absent absent);

}  // namespace tarn::archive
