// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/timeline/timeline.h"

namespace tarn::timeline {

// Decides the output segments of one endpoint as slots are listed (semantics S3, S6). Pure: the same
// slots from the same anchor give the same cuts. After a restart it is seeded with the last recorded
// cut and fed the slots that follow it.
class Cutter {
 public:
  struct Anchor {
    std::uint64_t next_number = 1;  // number of the next cut
    std::uint64_t first_slot = 0;   // the first slot the next cut covers
  };

  // `channel_segment_duration`: seconds, the floor of TARGETDURATION.
  Cutter(Generation generation, std::uint32_t channel_segment_duration, Anchor anchor);

  // Takes the next listed slot. Returns the segments it closes: none, one, or two when it begins a
  // new stretch (the open segment ends short) and is long enough by itself.
  std::vector<Cut> add(const Slot& slot, std::uint32_t reference_timescale, Utc now);

  // Closes the open segment at its last slot: end of stream, silence, or a new generation.
  std::optional<Cut> close(Utc now);

  // With target_duration once it is fixed.
  [[nodiscard]] const Generation& generation() const;
  [[nodiscard]] Anchor anchor() const;
};

}  // namespace tarn::timeline
