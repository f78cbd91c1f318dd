// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace tarn::isobmff {

// How many bytes of a CMAF segment have all of its first picture: up to the end of the first chunk's first
// sample, which is a sync sample. What an I-frame playlist lists of it. Errors: as parse_chunks(); not_found.
Result<std::size_t> lead_size(Bytes segment);

}  // namespace tarn::isobmff
