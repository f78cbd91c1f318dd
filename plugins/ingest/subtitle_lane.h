// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/webvtt/document.h"
#include "core/webvtt/sample.h"
#include "ingest/segment_timing.h"

namespace tarn::ingest {

// Puts the WebVTT files of one subtitle playlist on the session's timeline, as samples of a track (90 kHz)
// that follow each other without a hole where the files do.
class SubtitleLane {
 public:
  // What comes from now on has nothing to do with what came before.
  void clear();
  // End of what was placed; none: nothing was since clear().
  [[nodiscard]] std::optional<std::int64_t> edge() const { return edge_; }

  struct Placed {
    ByteVector data;
    std::vector<TimedUnit> units;
  };
  // The file of [begin, end). `origin`: see webvtt::place_cues. A cue that goes on behind the end is shown
  // during the next file too, which may or may not repeat it. `cuts`: see webvtt::write_samples. Nothing: the
  // time has been covered before, or is none; the file's cues are shown with the next one.
  std::optional<Placed> place(const webvtt::Document& file, std::int64_t begin, std::int64_t end,
                              std::int64_t origin, const std::vector<std::int64_t>& cuts = {});

 private:
  std::optional<std::int64_t> edge_;
  std::vector<webvtt::Cue> open_;  // go on behind the edge
};

}  // namespace tarn::ingest
