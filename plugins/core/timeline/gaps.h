// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "core/timeline/timeline.h"

namespace tarn::timeline {

// A part of the programme that viewers did not get.
struct Gap {
  Utc start;
  Utc end;
  std::vector<TrackId>
      tracks;              // without content, ascending; empty: no input had anything, a new stretch follows
  bool recovered = false;  // it came late: the live playlists had gaps, later windows have it (semantics S4)
};

// The newest gaps, at most `most`, oldest first. Looks at a bounded part of the timeline: the newest few
// thousand slots and the newest few dozen stretches. Subtitles have none: nothing said is nothing shown
// (S17).
std::vector<Gap> recent_gaps(const Timeline& timeline, std::size_t most);

}  // namespace tarn::timeline
