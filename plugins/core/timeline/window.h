// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/timeline/timeline.h"
#include "core/timeline/window_query.h"

namespace tarn::timeline {

// The cuts that a manifest lists. Indices are into Presentation::cuts of the state it was resolved against.
struct Window {
  enum class Kind {
    live,   // slides; also what `offset` asks for
    event,  // from a moment on, growing
    vod,    // complete from the beginning
  };
  static constexpr std::size_t newest = std::numeric_limits<std::size_t>::max();

  Kind kind = Kind::live;
  std::optional<std::size_t> first;  // none: as many as the endpoint lists live, up to `end`
  std::size_t end = newest;          // one past the last
  bool complete = false;             // nothing will be added (EXT-X-ENDLIST, type="static")
  Microseconds behind{};             // the live edge is taken to be that much earlier
  std::string query;                 // as the manifests inside of this one carry it on; "" for the live ones

  // Manifests that grow keep what they listed; one that is complete from the beginning lists what there is.
  [[nodiscard]] Content content() const { return kind == Kind::vod ? Content::archived : Content::listed; }
};

struct WindowLimits {
  Microseconds shift{};    // how far back `start` and `offset` may reach from now: the endpoint's days
  Microseconds longest{};  // of what one manifest lists
};

// What an endpoint's query means at one state of its timeline (semantics S12). The cost grows with the
// logarithm of the cuts. Errors: invalid (longer than the limit, an end that is not after its beginning),
// not_found (before what is kept, behind the live edge, or nothing there; the message says what there is).
Result<Window> resolve_window(const Timeline& timeline, const Presentation& presentation,
                              const WindowQuery& query, const WindowLimits& limits, Utc now);

}  // namespace tarn::timeline
