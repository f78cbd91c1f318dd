// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/timeline/timeline.h"

namespace tarn::timeline {

// A slot that did not fit into the segments that an endpoint promised and so began a generation (S6).
struct LongGop {
  std::uint64_t slot = 0;
  Microseconds duration{};
  std::uint32_t target_duration = 0;  // seconds, that it went beyond: the largest of all endpoints
};

// Those at and after slot `first`, ascending, each once however many endpoints it concerns.
std::vector<LongGop> long_gops_since(const Timeline& timeline, std::uint64_t first);

}  // namespace tarn::timeline
