// SPDX-License-Identifier: Apache-2.0
#include "ingest/decision_queue.h"

#include <utility>

namespace tarn::ingest {

DecisionQueue::Ticket DecisionQueue::put(std::vector<timeline::Decision> decisions) {
  const std::lock_guard lock{mutex_};
  const Ticket ticket{.first = put_, .last = put_ + decisions.size()};
  for (auto& decision : decisions) items_.emplace_back(std::move(decision));
  put_ = ticket.last;
  return ticket;
}

DecisionQueue::Ticket DecisionQueue::put_end() {
  const std::lock_guard lock{mutex_};
  items_.emplace_back();
  ++put_;
  return {.first = put_ - 1, .last = put_};
}

void DecisionQueue::drain(std::unique_lock<std::mutex>& lock) {
  busy_ = true;
  while (!items_.empty()) {
    Item item = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    const GstFlowReturn flow = carry_out_(item);
    item.reset();
    lock.lock();
    ++done_;
    if (flow != GST_FLOW_OK) {
      failed_ = done_;
      failure_ = flow;
    }
    changed_.notify_all();
  }
  busy_ = false;
  changed_.notify_all();
}

GstFlowReturn DecisionQueue::wait_for(Ticket ticket) {
  std::unique_lock lock{mutex_};
  while (done_ < ticket.last) {
    if (busy_) {
      changed_.wait(lock);
    } else {
      drain(lock);
    }
  }
  return failed_ > ticket.first ? failure_ : GST_FLOW_OK;
}

void DecisionQueue::clear() {
  std::unique_lock lock{mutex_};
  done_ += items_.size();
  items_.clear();
  changed_.wait(lock, [this] { return !busy_; });
  failed_ = 0;
  changed_.notify_all();
}

}  // namespace tarn::ingest
