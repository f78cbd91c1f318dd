// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/time.h"

namespace tarn::server {

// How long to wait after `failures` in a row: `first`, doubled up to `longest`, less up to a quarter of it,
// so that those who failed together do not come back together. `random`: any 32 bits.
inline Microseconds backoff(unsigned failures, std::uint32_t random,
                            Microseconds first = std::chrono::seconds{1},
                            Microseconds longest = std::chrono::seconds{30}) {
  constexpr unsigned most_doublings = 16;
  const std::int64_t whole =
      std::min(longest.count(), first.count() << std::min(failures > 0 ? failures - 1 : 0U, most_doublings));
  return Microseconds{whole - whole / 4 * random / UINT32_MAX};
}

}  // namespace tarn::server
