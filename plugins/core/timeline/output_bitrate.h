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

// Measured over the last 100 cuts of the stretch, whatever its length, so that a manifest costs the same
// after a month. Sizes are those of the segments in this protocol: exact for CMAF but for the few bytes of
// `styp`, for TS bounded from above.
Bitrate measure_bitrate(const Timeline& timeline, const Presentation& presentation, const Stretch& stretch,
                        const OutputSettings& settings, const Download& download);

}  // namespace tarn::timeline
