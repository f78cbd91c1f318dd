// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/time.h"
#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

namespace tarn::server {

// How much content behind the newest must be kept so that whatever a live manifest lists is answered until
// its own duration and the longest playlist have passed since it was listed last (RFC 8216bis 6.2.2).
Microseconds live_retention(Microseconds segment, std::uint32_t segments);

// Of an endpoint. Segments are as long as GOPs make them: what counts is the largest target duration of the
// generations that are kept. `presentation` may be null.
Microseconds live_retention(const timeline::OutputSettings& output,
                            const timeline::Presentation* presentation);

}  // namespace tarn::server
