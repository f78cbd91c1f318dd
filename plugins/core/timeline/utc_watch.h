// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/time.h"

namespace tarn::timeline {

// Whether the channel's mapping of media time to UTC is still right (semantics S13). Encoders' clocks drift
// and are set: once ten segments in a row say that it is behind by more than they may be long, it goes
// forward by the least of what they said. It never goes back, so that no two moments have one date: a mapping
// that is ahead stays.
class UtcWatch {
 public:
  static constexpr int segments = 10;

  // What a segment of the input in use says of its end.
  struct Segment {
    std::int64_t end = 0;  // media time
    Microseconds length{};
    Microseconds behind{};  // by how much UTC is later there than the mapping has it
    Utc arrival;
    bool is_dated = false;  // by the playlist; else `behind` comes from the arrival
  };
  // Segments without dates that come one right after the other were held up on their way, and say nothing.
  void observe(const Segment& segment, Microseconds tolerance);
  // By how much a slot that begins at media time `start` is later than the mapping has it, if it is to
  // be set there.
  [[nodiscard]] std::optional<Microseconds> due(std::int64_t start) const;
  // The mapping was set, or another input dates what comes.
  void reset() { seen_ = 0; }

 private:
  int seen_ = 0;
  std::optional<Utc> last_arrival_;
  Microseconds least_{};
  std::int64_t from_ = 0;  // the end of the tenth
};

}  // namespace tarn::timeline
