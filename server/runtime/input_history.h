// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "core/base/time.h"
#include "server/runtime/origin.h"

namespace tarn::server {

// What one input has sent, for the channel's status. Not thread-safe.
class InputHistory {
 public:
  void record(const UploadedObject& object, const UploadAnswer& answer, Monotonic now, Utc now_utc);

  struct Event {
    Utc at;
    std::string text;
  };
  [[nodiscard]] const std::optional<Event>& last_segment() const { return last_segment_; }  // its name
  [[nodiscard]] const std::optional<Event>& last_error() const { return last_error_; }
  [[nodiscard]] std::uint64_t objects() const { return objects_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // Something came within `patience` before `now`.
  [[nodiscard]] bool is_connected(Monotonic now, Microseconds patience) const;
  // It sends, but not one of its segments since at least two refusals was accepted: why the last one was not.
  [[nodiscard]] std::optional<std::string> failing() const;
  // Bits per second of segments over the last half minute.
  [[nodiscard]] std::uint64_t bitrate(Monotonic now) const;

 private:
  std::optional<Monotonic> last_arrival_;
  std::optional<Event> last_segment_;
  std::optional<Event> last_error_;
  std::uint64_t objects_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t refused_in_a_row_ = 0;  // since the last accepted segment
  std::uint64_t bytes_ = 0;
  std::deque<std::pair<Monotonic, std::uint64_t>> recent_;
};

// Whether an uploaded name is a playlist's.
bool is_playlist_name(const std::string& name);

}  // namespace tarn::server
