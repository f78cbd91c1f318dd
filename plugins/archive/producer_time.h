// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/timeline/timeline.h"

namespace tarn {

// `prft` for a segment that begins with this chunk of this slot: when its decode time is, by the dates that
// the stretch has in playlists and Periods (semantics S13, S33). REQUIRES: the slot, and its stretch with the
// track
ByteVector producer_time(const timeline::Timeline& timeline, const timeline::Track& track, std::uint64_t slot,
                         const timeline::Chunk& chunk);

}  // namespace tarn
