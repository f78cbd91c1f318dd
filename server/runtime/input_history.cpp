// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/input_history.h"

namespace tarn::server {
namespace {

constexpr Microseconds bitrate_window = std::chrono::seconds{30};
// Segments of several renditions come together, and no segment is shorter than a second.
constexpr Microseconds together = std::chrono::milliseconds{500};

}  // namespace

bool is_playlist_name(const std::string& name) { return name.ends_with(".m3u8") || name.ends_with(".m3u"); }

void InputHistory::record(const UploadedObject& object, const UploadAnswer& answer, Monotonic now,
                          Utc now_utc) {
  last_arrival_ = now;
  ++objects_;
  bytes_ += object.body.size();
  if (answer.outcome == UploadAnswer::Outcome::refused) {
    ++refused_;
    ++refused_in_a_row_;
    last_error_ = Event{now_utc, answer.error ? answer.error->message : "refused"};
    return;
  }
  if (is_playlist_name(object.name)) return;
  refused_in_a_row_ = 0;
  last_segment_ = Event{now_utc, object.name};
  recent_.emplace_back(now, object.body.size());
  while (!recent_.empty() && now - recent_.front().first > bitrate_window) recent_.pop_front();
}

std::optional<std::string> InputHistory::failing() const {
  constexpr std::uint64_t enough = 2;  // one may be an accident
  if (refused_in_a_row_ < enough) return std::nullopt;
  return last_error_->text;
}

bool InputHistory::is_connected(Monotonic now, Microseconds patience) const {
  return last_arrival_.has_value() && now - *last_arrival_ <= patience;
}

std::uint64_t InputHistory::bitrate(Monotonic now) const {
  // The first arrivals only start the clock: their bytes were made before it.
  std::uint64_t bytes = 0;
  std::optional<Monotonic> from;
  for (const auto& [at, size] : recent_) {
    if (now - at > bitrate_window) continue;
    if (!from) from = at;
    if (at - *from >= together) bytes += size;
  }
  if (bytes == 0) return 0;
  return bytes * 8 * 1'000'000 / static_cast<std::uint64_t>((recent_.back().first - *from).count());
}

}  // namespace tarn::server
