// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/time.h"

namespace tarn::server {

// How long to wait after `failures` in a row: 1 s, doubled up to 30 s, less up to a quarter of it, so that
// those who failed together do not come back together. `random`: any 32 bits.
inline Microseconds backoff(unsigned failures, std::uint32_t random) {
  constexpr std::int64_t longest = 30'000'000;
  const std::int64_t whole =
      std::min(longest, std::int64_t{1'000'000} << std::min(failures > 0 ? failures - 1 : 0U, 5U));
  return Microseconds{whole - whole / 4 * random / UINT32_MAX};
}

}  // namespace tarn::server
