// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/archive/chunk_store.h"

namespace tarn::archive {

// Volumes as files in `directory`, which exists: t<track>-<volume>.cmfv, .cmfa or .cmft.
Result<std::unique_ptr<ChunkStore>> open_local_chunk_store(const std::string& directory,
                                                           VolumeLimits limits = {});

}  // namespace tarn::archive
