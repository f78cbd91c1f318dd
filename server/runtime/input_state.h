// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"

namespace tarn::server {

// How an input is, as the status shows it: "never-seen", "live", "late", "stalled", "failing", "ended"; empty
// while the pipeline is not there. Why, of the last four.
struct InputState {
  std::string state;
  std::optional<std::string> reason;
  std::optional<Microseconds> drift{};  // how much later than the other's its content comes
};

// It can stand in for the other one now.
[[nodiscard]] bool is_well(const InputState& input);

// `statistics` of the elements; `failing`: why all that it sends is refused, none: it is not.
InputState input_state(const std::vector<std::pair<std::string, std::string>>& statistics,
                       const std::optional<std::string>& failing);

// What is said of an input's states: when it comes, when it fails and when it is well again, not more than
// once in five minutes while it comes and goes (fault A6). What lasts for half a minute is told all the same,
// and at once when no other input can stand in. Not thread-safe.
class InputWatch {
 public:
  struct Change {
    std::string state;
    std::string reason;
    std::uint64_t untold = 0;  // failures that were over before they could be told
  };
  // To be called again and again, at least every second; the answer is to be told.
  std::optional<Change> observe(const InputState& now_is, bool other_may_stand_in, Monotonic now);

 private:
  std::string state_;                // the last one that was seen
  std::string told_;                 // the last one that was told
  std::optional<Monotonic> failed_;  // when a failure was told last
  bool is_told_ = false;             // the present failure, or the last one
  Monotonic well_since_;
  Monotonic failed_since_;
  std::uint64_t untold_ = 0;
};

}  // namespace tarn::server
