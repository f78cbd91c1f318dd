// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/time.h"

namespace tarn::timeline {

// The parameters of a playback URL that ask for another part of the programme than the live edge (semantics
// S12). Which of them go together is checked; whether there is such a part is for resolve_window().
struct WindowQuery {
  std::optional<Utc> start;
  std::optional<Utc> end;              // live until then
  std::optional<Utc> vod_end;          // all of it at once; `end` is then not kept
  std::optional<Microseconds> offset;  // behind the live edge

  [[nodiscard]] bool empty() const { return !start && !end && !vod_end && !offset; }
  bool operator==(const WindowQuery&) const = default;
};

// Reads the query of a URL as it is on the wire, without its question mark. Times are ISO 8601 with `Z` or an
// offset, or seconds since 1970 with up to six decimals; `offset` is whole seconds. Other parameters are
// passed over. Errors: malformed (not a time), invalid (a parameter twice, a combination that means nothing,
// an end that is not after the start). They quote at most 40 characters, without control characters.
Result<WindowQuery> parse_window_query(std::string_view query);

// The one spelling of it: "start=2026-01-31T12:00:00.5Z&vodend=…", in the order start, end, vodend, offset;
// "" when it is empty. What parse_window_query() reads from it is the same again.
std::string format_window_query(const WindowQuery& query);

}  // namespace tarn::timeline
