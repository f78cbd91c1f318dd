// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <vector>

#include "core/timeline/merger.h"
#include "gstkit/ref.h"

namespace tarn::ingest {

// The last switches between the inputs, oldest first.
class SwitchHistory {
 public:
  struct Entry {
    timeline::InputSwitched switched;
    Utc time;
  };
  void add(const timeline::InputSwitched& switched, Utc time);
  [[nodiscard]] const std::deque<Entry>& entries() const { return entries_; }

 private:
  static constexpr std::size_t most = 32;
  std::deque<Entry> entries_;
};

// `tarn-ingest-stats`: per input (ingest1, ingest2) state, age in µs of its last arrival, units,
// duplicates, used, late, repaired, discarded, misaligned, drift in µs (absent while unknown); switches.
// Inputs are numbered from 1 here.
gstkit::StructurePtr statistics_of(const timeline::Merger& merger, const SwitchHistory& switches,
                                   Monotonic now);

// What is wrong with how an input sends, by name (semantics S1, S13).
struct InputConditions {
  bool open_segments = false;
  bool pdt_rejected = false;
  bool misaligned = false;
  std::string misalignment{};  // why, when it was seen first
  bool different_content = false;
  bool different_gops = false;
  bool lagging = false;
  std::string missing_tracks{};
};
InputConditions conditions_of(const timeline::InputStatus& status);

// `tarn/input-condition`, one for each that differs: input (1 or 2), condition ("OPEN_SEGMENTS",
// "PDT_REJECTED", "MISALIGNED", "DIFFERENT_CONTENT", "DIFFERENT_GOPS", "LAGGING", "MISSING_TRACK"), state
// ("set" or "cleared"), tracks of MISSING_TRACK (string, keys), and reason of MISALIGNED (string, for
// people).
std::vector<gstkit::StructurePtr> changes_of(timeline::InputId input, const InputConditions& before,
                                             const InputConditions& now);

// `tarn/input-switched`: from, to (1 or 2), media-time (ticks of the reference track), reason.
gstkit::StructurePtr structure_of(const timeline::InputSwitched& switched);

}  // namespace tarn::ingest
