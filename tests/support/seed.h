// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <random>

namespace tarn::test {

// Of random tests: the same in every short run, another one in every long run (TARN_LONG), and any again with
// TARN_SEED. The test says which it was when it fails.
inline unsigned seed_of_run() {
  const char* wanted = std::getenv("TARN_SEED");
  if (wanted != nullptr && *wanted != 0) return static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
  const char* is_long = std::getenv("TARN_LONG");
  return is_long != nullptr && *is_long != 0 ? std::random_device{}() % 1'000'000 : 108'753U;
}

}  // namespace tarn::test
