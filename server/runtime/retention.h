// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/base/time.h"
#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

namespace tarn::server {

// How long content is kept, in time of content: what live playlists may still list is never given up,
// and time shift adds to it.
struct Keep {
  Microseconds live{};
  Microseconds shift{};
};

// What ends before this may go, and is not served any more. Days are those of the clock, so that a channel
// which nothing comes for loses them all the same; its last live playlist stays as it is.
inline Utc keep_from(const Keep& keep, Utc newest, Utc now) {
  return std::min(newest, std::max(newest, now) - keep.shift) - keep.live;
}

// What time it is for the deletion of a channel's content: that of its newest, and what has gone by without
// any since. A wall clock that is set while content comes, or that is wrong at start, deletes nothing.
class ContentClock {
 public:
  // `slot` and `newest`: the newest of the content. `wall` counts only once, for content of an earlier
  // process that has had no successor in the first ten minutes of this one.
  Utc at(std::uint64_t slot, Utc newest, Monotonic now, Utc wall);

 private:
  std::optional<std::uint64_t> slot_;
  bool is_of_earlier_process_ = false;
  Utc base_{};
  Monotonic since_{};
};

// How much content behind the newest must be kept so that whatever a live manifest lists is answered until
// its own duration and the longest playlist have passed since it was listed last (RFC 8216bis 6.2.2).
Microseconds live_retention(Microseconds segment, std::uint32_t segments);

// Of an endpoint. Segments are as long as GOPs make them: what counts is the largest target duration of the
// generations that are kept. `presentation` may be null.
Microseconds live_retention(const timeline::OutputSettings& output,
                            const timeline::Presentation* presentation);

// The time-shifted days that a channel's content is kept for. What a change of settings gives up is deleted
// an hour later (semantics S30): it may have been a mistake. Not kept over restarts.
class KeptDays {
 public:
  void set(std::uint32_t days, Monotonic now);
  [[nodiscard]] std::uint32_t set_to() const { return days_; }
  // How long what was given up is still kept.
  [[nodiscard]] std::optional<Microseconds> grace(Monotonic now) const {
    return now < until_ && before_ > days_ ? std::optional{until_ - now} : std::nullopt;
  }
  [[nodiscard]] std::uint32_t at(Monotonic now) const {
    return now < until_ ? std::max(days_, before_) : days_;
  }

 private:
  bool is_set_ = false;
  std::uint32_t days_ = 0;
  std::uint32_t before_ = 0;
  Monotonic until_{};
};

}  // namespace tarn::server
