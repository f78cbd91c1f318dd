// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tarn::server::front {

// Who may have how many connections, over all threads. Of the descriptors some are kept for encoders: when
// viewers have the rest, connections are still let in, but only to see whether they are encoders'.
// Thread-safe.
class Admission {
 public:
  struct Settings {
    std::size_t per_address = 0;                     // 0: any number
    std::size_t total = 0;                           // 0: any number
    std::size_t kept = 0;                            // of total, for encoders
    std::size_t overdraft = 0;                       // beyond total, for exceed()
    std::function<bool(const std::string&)> exempt;  // of per_address; may be empty
  };
  enum class Verdict {
    admitted,
    ingest_only,  // admitted, but a viewer's request is to be turned away
    address_full,
    full,
  };

  explicit Admission(Settings settings) : settings_(std::move(settings)) {}

  Verdict enter(const std::string& address) { return enter_within(address, settings_.total); }
  // Where enter() found it full, and a connection of this thread has given way or one of another's would.
  Verdict exceed(const std::string& address) {
    return enter_within(address, settings_.total + settings_.overdraft);
  }
  // Of one that was admitted.
  void leave(const std::string& address);
  [[nodiscard]] std::size_t open() const;

 private:
  [[nodiscard]] bool counts(const std::string& address) const;
  Verdict enter_within(const std::string& address, std::size_t total);

  const Settings settings_;
  mutable std::mutex mutex_;
  std::size_t open_ = 0;
  std::unordered_map<std::string, std::size_t> by_address_;
};

}  // namespace tarn::server::front
