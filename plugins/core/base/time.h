// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace tarn {

// Media time is always an integer count of ticks in a timescale (ticks per second); seconds as
// `double` never touch media.
enum class Rounding { down, nearest, up };  // towards -inf, half away from zero, towards +inf

// `value` ticks of `from` per second, in ticks of `to` per second; exact 128-bit arithmetic.
std::int64_t rescale(std::int64_t value, std::uint32_t from, std::uint32_t to,
                     Rounding rounding = Rounding::nearest);

// Wall-clock time, as it is stored: microseconds since 1970 UTC.
using Microseconds = std::chrono::microseconds;
using Utc = std::chrono::sys_time<Microseconds>;
// A moment on the monotonic clock, for deadlines.
using Monotonic = std::chrono::time_point<std::chrono::steady_clock, Microseconds>;

inline Microseconds to_microseconds(std::int64_t ticks, std::uint32_t timescale) {
  return Microseconds{rescale(ticks, timescale, 1'000'000)};
}

// ISO 8601 as HLS and DASH write it: "2026-01-31T12:00:00.250Z"; milliseconds, rounded down.
std::string format_utc(Utc time);
// As above without a fraction when it is zero ("2026-01-31T12:00:00Z"), for API answers.
std::string format_utc_seconds(Utc time);
// Accepts a fraction of up to nine digits and `Z`, `+hh:mm`, `+hhmm` or `+hh`. An offset is required.
Result<Utc> parse_utc(std::string_view text);

// Seconds with exactly `decimals` digits, rounded half up: (180180, 90000, 5) -> "2.00200".
std::string format_seconds(std::int64_t ticks, std::uint32_t timescale, int decimals);
// ISO 8601 duration for MPDs, microseconds with trailing zeros dropped: "PT12.5S".
std::string format_duration(Microseconds duration);

}  // namespace tarn
