// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/input_state.h"

#include <utility>

#include "core/base/text.h"

namespace tarn::server {
namespace {

// An input that comes and goes is not called well in between, and its failures are told this rarely.
constexpr Microseconds stays_well = std::chrono::seconds{10};
constexpr Microseconds between_failures = std::chrono::minutes{5};
constexpr Microseconds lasts = std::chrono::seconds{30};

std::optional<std::string> reason_of(const std::string& state, std::int64_t age) {
  if (state == "stalled") return "no media has come for " + format_seconds(age, 1'000'000, 1) + " s";
  if (state == "late") return "its next content is overdue";
  if (state == "ended") return "EXT-X-ENDLIST";
  return std::nullopt;
}

// Late is what the merger hides; a second later it is live or stalled.
bool is_well(const std::string& state) { return state == "live" || state == "late"; }
bool has_failed(const std::string& state) {
  return state == "stalled" || state == "failing" || state == "ended";
}

}  // namespace

bool is_well(const InputState& input) { return is_well(input.state); }

InputState input_state(const std::vector<std::pair<std::string, std::string>>& statistics,
                       const std::optional<std::string>& failing) {
  InputState result;
  std::int64_t age = 0;  // µs
  for (const auto& [name, value] : statistics) {
    if (name == "age") age = parse_i64(value).value_or(0);
    if (name == "state") result.state = value;
    if (name == "drift") {
      if (const auto drift = parse_i64(value)) result.drift = Microseconds{*drift};
    }
  }
  result.reason = reason_of(result.state, age);
  if (failing) result = {"failing", failing, result.drift};
  return result;
}

std::optional<InputWatch::Change> InputWatch::observe(const InputState& now_is, bool other_may_stand_in,
                                                      Monotonic now) {
  const bool was_well = is_well(state_);
  const bool had_failed = has_failed(state_);
  state_ = now_is.state;
  const auto tell = [&](const std::string& state) {
    told_ = state;
    return Change{state, now_is.reason.value_or(""), std::exchange(untold_, 0)};
  };
  if (is_well(state_)) {
    if (!was_well) well_since_ = now;
    if (had_failed && !is_told_) ++untold_;
    if (told_ == "live" || (has_failed(told_) && now - well_since_ < stays_well)) return std::nullopt;
    return tell("live");
  }
  if (!has_failed(state_)) return std::nullopt;
  if (!had_failed) {
    is_told_ = false;
    failed_since_ = now;
  }
  if (has_failed(told_)) return std::nullopt;
  const bool waits = other_may_stand_in && now - failed_since_ < lasts;
  if (waits && failed_ && now - *failed_ < between_failures) return std::nullopt;
  is_told_ = true;
  failed_ = now;
  return tell(state_);
}

}  // namespace tarn::server
