// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace tarn::ingest {

// Numbers the objects of an input from 0 and knows which of them are still on their way: each gets a
// ticket that everything made of it holds on to, here and downstream. Thread-safe.
class ObjectTickets {
 public:
  using Ticket = std::shared_ptr<const void>;

  Ticket next() {
    const std::lock_guard lock{mutex_};
    auto ticket = std::make_shared<const std::uint64_t>(count_);
    open_.emplace_back(count_++, ticket);
    return ticket;
  }

  // Number of the oldest object of which something is held somewhere; when there is none, the number
  // that the next one gets.
  [[nodiscard]] std::uint64_t oldest() {
    const std::lock_guard lock{mutex_};
    while (!open_.empty() && open_.front().second.expired()) open_.pop_front();
    return open_.empty() ? count_ : open_.front().first;
  }

 private:
  std::mutex mutex_;
  std::uint64_t count_ = 0;
  std::deque<std::pair<std::uint64_t, std::weak_ptr<const void>>> open_;
};

}  // namespace tarn::ingest
