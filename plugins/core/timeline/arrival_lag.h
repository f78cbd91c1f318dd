// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "core/base/time.h"

namespace tarn::timeline {

// How much later than the other input's the copies of an input come; negative: earlier. The first GOP of a
// segment comes long after its end and the last one soon, and the two inputs' segments need not be the same:
// what is compared are the greatest and the least of stretches of media that are as long as a segment.
class ArrivalLag {
 public:
  // `media`: where the copy lies. `segment`: the longest that the inputs send; quite another one begins anew.
  // `margin`: who is later than this throughout a segment is catching up, and says nothing about lead().
  void add(Microseconds media, Microseconds behind, Microseconds segment, Microseconds margin);
  void reset() { *this = {}; }
  // The greatest of each of the last segments is.
  [[nodiscard]] bool is_above(Microseconds limit) const;
  [[nodiscard]] bool is_below(Microseconds limit) const;
  // By how much the other input's came later, at the most, when this began; 0: never. None: not known yet.
  [[nodiscard]] std::optional<Microseconds> lead() const;
  // The same of the last segments: the least of them.
  [[nodiscard]] std::optional<Microseconds> recent_lead() const;

 private:
  struct Span {
    Microseconds greatest;
    Microseconds least;
  };
  static constexpr std::size_t kept = 3;

  Microseconds segment_{0};
  std::int64_t number_ = 0;  // of the span that is being filled
  std::optional<Span> open_;
  std::deque<Span> spans_;
  Microseconds first_lead_{0};  // of the first that were not catching up
  std::size_t first_ = 0;       // how many of those there were
};

}  // namespace tarn::timeline
