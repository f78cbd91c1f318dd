// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/runtime/origin.h"

namespace tarn::server {

// Equal requests that are under way at the same time wait for one answer. Thread-safe.
class SingleFlight {
 public:
  using Waiter = std::function<void(Fetched)>;

  // Waits for the answer to `key`; true when nobody did before: the caller must find it and land() it.
  [[nodiscard]] bool join(const std::string& key, Waiter waiter);
  // Gives the answer to all who wait, on this thread.
  void land(const std::string& key, const Fetched& answer);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Waiter>> waiting_;
};

}  // namespace tarn::server
