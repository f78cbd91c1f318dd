// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/archive/chunk_store.h"

namespace tarn::archive {

// Keeps the parts as they were appended; nothing outlives the object.
std::unique_ptr<ChunkStore> make_memory_chunk_store(VolumeLimits limits = {});

}  // namespace tarn::archive
