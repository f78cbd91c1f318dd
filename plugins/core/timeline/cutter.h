// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/timeline/timeline.h"

namespace tarn::timeline {

// By how much a segment may miss its duration and still be long enough, in ticks of the reference: a
// frame when an audio track makes the slots (S2 ends them at the frame nearest to the wanted time, so
// they alternate around it), nothing when GOPs make them (S3 is exact there).
std::int64_t cut_tolerance(const Stretch& stretch);

// Decides the output segments of one endpoint as slots are listed (semantics S3, S6). Pure: the same
// slots from the same anchor give the same cuts. After a restart it is seeded with the last recorded
// cut and its generation, and fed the slots that follow it.
//
// A segment closes with the slot that makes it as long as the endpoint wants, so that it is published
// without waiting for the next slot; before a slot that would make it longer than TARGETDURATION; and
// where the stretch ends or its dates are set anew (semantics S13). A single slot of TARGETDURATION + 0.5 s
// or more, which no playlist of the generation could list truthfully, begins a new generation by itself: the
// open segment closes short, generation() has the next number from that slot on, and its target is fixed by
// that very slot. So after add() the caller stores generation() when it has changed.
//
// Where keys change with time, the first segment that starts in another key period begins a generation too;
// that one changes nothing else, and is no discontinuity.
//
// A cut begins with a discontinuity where the stretch is another one than that of the cut before, and
// with a generation that a slot too long has begun. The very first cut of an endpoint does not.
class Cutter {
 public:
  struct Anchor {
    std::uint64_t next_number = 1;  // number of the next cut
    std::uint64_t first_slot = 0;   // the first slot the next cut covers
    // Of the cut before. Stretch 0: one that has nothing in common with what follows.
    std::uint32_t stretch = 0;
    std::uint32_t discontinuity_sequence = 0;
  };

  // `channel_segment_duration`: seconds, the floor of TARGETDURATION.
  Cutter(Generation generation, std::uint32_t channel_segment_duration, Anchor anchor);

  // Takes the next listed slot; slots before the anchor are passed over. Returns the segments it
  // closes: none, one, or two when it does not fit into the open segment (new stretch, too long) and
  // is long enough by itself. `tolerance`: cut_tolerance() of its stretch.
  std::vector<Cut> add(const SlotView& slot, std::uint32_t reference_timescale, Utc now,
                       std::int64_t tolerance = 0);

  // Closes the open segment at its last slot: end of stream, silence, or a new generation.
  std::optional<Cut> close(Utc now);

  // With target_duration and start once they are fixed.
  [[nodiscard]] const Generation& generation() const { return generation_; }
  // The one that the last add() ended, as it has become; none: it goes on.
  [[nodiscard]] const std::optional<Generation>& ended_generation() const { return ended_; }
  [[nodiscard]] Anchor anchor() const { return anchor_; }

 private:
  struct Length {  // of media, in ticks
    std::int64_t ticks = 0;
    std::uint32_t timescale = 1;
    std::int64_t tolerance = 0;
  };

  void note_longest(const Length& gop);
  [[nodiscard]] std::uint32_t target() const;
  [[nodiscard]] bool fits(const SlotView& slot) const;
  [[nodiscard]] bool goes_on(const SlotView& slot) const;
  void open(const SlotView& slot, const Length& gop);
  void next_generation(const SlotView& slot);
  Cut close_open(Utc now);

  Generation generation_;
  std::optional<Generation> ended_;
  std::uint32_t channel_segment_duration_;
  Anchor anchor_;
  Length longest_;  // GOP seen so far

  // The open segment: slots [anchor_.first_slot, + open_slots_).
  std::uint32_t open_slots_ = 0;
  std::uint32_t open_stretch_ = 0;
  bool open_discontinuity_ = false;
  Utc open_utc_;
  std::int64_t open_start_ = 0;
  std::int64_t open_end_ = 0;
  std::uint32_t open_timescale_ = 1;
  std::int64_t open_tolerance_ = 0;
};

}  // namespace tarn::timeline
