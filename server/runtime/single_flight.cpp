// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/single_flight.h"

namespace tarn::server {

bool SingleFlight::join(const std::string& key, Waiter waiter) {
  const std::lock_guard lock{mutex_};
  const auto [at, first] = waiting_.try_emplace(key);
  at->second.push_back(std::move(waiter));
  return first;
}

void SingleFlight::land(const std::string& key, const Fetched& answer) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock{mutex_};
    const auto at = waiting_.find(key);
    if (at == waiting_.end()) return;
    waiters = std::move(at->second);
    waiting_.erase(at);
  }
  for (const Waiter& waiter : waiters) waiter(answer);
}

}  // namespace tarn::server
