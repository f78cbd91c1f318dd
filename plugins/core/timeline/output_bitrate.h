// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

namespace tarn::timeline {

// What a player fetches for each cut: one file with all of `tracks`, and the largest of the files with one
// of `choices` each.
struct Download {
  std::vector<TrackId> tracks;
  std::vector<TrackId> choices;
};

struct Bitrate {
  std::uint64_t peak = 0;  // bit/s (RFC 8216bis 4.4.6.2, "peak segment bit rate")
  std::uint64_t average = 0;
};

// Of all that was published of the stretch: the peak only rises (semantics S15). The last 100 cuts are
// measured as they are; of a longer stretch what note_rates() has kept of each track is added up, so that a
// manifest costs the same after a month, and the sum bounds what tracks that have their peaks at different
// times come to. Sizes are those of the segments in this protocol: exact for CMAF but for the few bytes of
// `styp`, for TS bounded from above.
Bitrate measure_bitrate(const Timeline& timeline, const Presentation& presentation, const Stretch& stretch,
                        const OutputSettings& settings, const Download& download);

// Takes the cuts into the presentation's rates that are not in them yet. Returns the stretches whose rates
// changed. REQUIRES: the slots of those cuts are kept
std::vector<std::uint32_t> note_rates(const Timeline& timeline, Presentation& presentation);

}  // namespace tarn::timeline
