// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/time.h"

namespace tarn::server {

// What a task does about errors that may go away. Stores are out for hours: what counts is time, not how
// often it was tried.
struct RetryPolicy {
  Microseconds patience = std::chrono::hours{24};
  Microseconds first = std::chrono::seconds{1};
  Microseconds longest = std::chrono::minutes{5};
  // Before a task has failed: what went by while this server was down was nobody's try.
  unsigned least_passes = 2;
};

// How long to wait after `passes` of this process that failed one after another and brought nothing, the
// first one of them (of an earlier process too) `lasts` ago. Nothing: the task has failed. `random` as in
// backoff().
std::optional<Microseconds> wait_for_next_pass(const RetryPolicy& policy, unsigned passes, Microseconds lasts,
                                               std::uint32_t random);

// Any 32 bits, of a generator that each thread has.
std::uint32_t any_number();

}  // namespace tarn::server
