// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/archive/sqlite.h"

namespace tarn::archive {

// Of the catalogue's tables; PRAGMA user_version has it.
constexpr std::int64_t schema_version = 6;

// Makes the tables in an empty database (`version` 0), or turns those of an older version into today's:
// all of it or nothing.
Status bring_up_to_date(sqlite::Database& database, std::int64_t version);

}  // namespace tarn::archive
