// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "server/control/control.h"

namespace tarn::server {

// Remembers the answers of POSTs that carried an Idempotency-Key, in memory, for 24 hours and at most
// 1,000 of them (the oldest go first). Not thread-safe.
class Replays {
 public:
  enum class Found { nothing, answer, other_body };
  struct Lookup {
    Found found = Found::nothing;
    ApiResponse answer;
  };
  // `route` is method and path.
  [[nodiscard]] Lookup find(const std::string& key, const std::string& route, const std::string& body,
                            Utc now);
  void remember(const std::string& key, const std::string& route, const std::string& body,
                const ApiResponse& answer, Utc now);

  // 1 to 255 visible ASCII characters.
  static bool is_key(const std::string& key);

 private:
  struct Entry {
    std::string body_digest;
    ApiResponse answer;
    Utc at;
  };
  void forget(Utc now);

  std::map<std::string, Entry> entries_;  // by route and key
  std::deque<std::string> order_;         // oldest first
};

}  // namespace tarn::server
