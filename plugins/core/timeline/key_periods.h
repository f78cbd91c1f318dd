// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/time.h"

namespace tarn::timeline {

// Key periods are counted from 1970 UTC, so that everybody who knows a moment and the length has the same
// number. `length`: seconds; 0: there is one period, 0, which never ends.
inline std::uint64_t key_period_at(std::uint32_t length, Utc time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  return length == 0 || seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds) / length;
}
inline Utc start_of_key_period(std::uint32_t length, std::uint64_t period) {
  return Utc{std::chrono::seconds{static_cast<std::int64_t>(period * length)}};
}

// What holds in which key period: each from its own period until the next one's. A period without an entry
// has what the one before it had, and what is older than all has the first: never nothing.
template <class T>
class KeyPeriods {
 public:
  struct Entry {
    std::uint64_t from = 0;  // period
    std::shared_ptr<const T> value;
    bool operator==(const Entry&) const = default;
  };

  KeyPeriods() = default;
  // NOLINTBEGIN(google-explicit-constructor): a value that never changes is one of these
  KeyPeriods(std::nullptr_t) {}
  KeyPeriods(std::shared_ptr<const T> always) {
    if (always) entries_.push_back({0, std::move(always)});
  }
  // NOLINTEND(google-explicit-constructor)
  // `entries`: ascending, none of them null
  KeyPeriods(std::uint32_t length, std::vector<Entry> entries)
      : length_(length), entries_(std::move(entries)) {}

  explicit operator bool() const { return !entries_.empty(); }
  [[nodiscard]] std::uint32_t length() const { return length_; }  // seconds; 0: it never changes
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

  // What holds for what began at `start`. REQUIRES: not empty
  [[nodiscard]] const std::shared_ptr<const T>& at(Utc start) const {
    const auto after = std::upper_bound(entries_.begin(), entries_.end(), key_period_at(length_, start),
                                        [](std::uint64_t period, const Entry& e) { return period < e.from; });
    return after == entries_.begin() ? entries_.front().value : std::prev(after)->value;
  }
  bool operator==(const KeyPeriods&) const = default;

 private:
  std::uint32_t length_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace tarn::timeline
