// SPDX-License-Identifier: Apache-2.0
#include "server/collect/retry.h"

#include <algorithm>
#include <random>

#include "server/keys/backoff.h"

namespace tarn::server {

std::optional<Microseconds> wait_for_next_pass(const RetryPolicy& policy, unsigned passes, Microseconds lasts,
                                               std::uint32_t random) {
  const Microseconds wait = backoff(passes, random, policy.first, policy.longest);
  if (lasts < policy.patience) return std::min(wait, policy.patience - lasts);
  return passes < policy.least_passes ? std::optional{wait} : std::nullopt;
}

std::uint32_t any_number() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return static_cast<std::uint32_t>(generator());
}

}  // namespace tarn::server
