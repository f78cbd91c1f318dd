// SPDX-License-Identifier: Apache-2.0
#include "server/front/deadline_wheel.h"

#include <algorithm>

namespace tarn::server::front {

void Deadline::cancel() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  link_ = nullptr;
  next_ = nullptr;
}

DeadlineWheel::~DeadlineWheel() {
  for (Deadline*& head : heads_) {
    while (head != nullptr) head->cancel();
  }
}

void DeadlineWheel::link(Deadline*& head, Deadline& deadline) {
  deadline.next_ = head;
  deadline.link_ = &head;
  if (head != nullptr) head->link_ = &deadline.next_;
  head = &deadline;
}

void DeadlineWheel::schedule(Deadline& deadline, Monotonic at) {
  if (deadline.link_ != nullptr && deadline.at_ <= at) return;
  deadline.cancel();
  deadline.at_ = at;
  // A time of the current slot is met when that slot is over, so one ahead is the least.
  const auto distance = at <= at_ ? 1 : (at - at_) / slot_time + 1;
  const auto ahead = std::clamp<std::int64_t>(distance, 1, static_cast<std::int64_t>(slots) - 1);
  link(heads_[(current_ + static_cast<std::size_t>(ahead)) % slots], deadline);
}

void DeadlineWheel::advance(Monotonic now) {
  while (at_ + slot_time <= now) {
    at_ += slot_time;
    current_ = (current_ + 1) % slots;
    // Moved aside, so that what is scheduled meanwhile is not met in the same turn.
    Deadline* due = heads_[current_];
    heads_[current_] = nullptr;
    if (due != nullptr) due->link_ = &due;
    while (due != nullptr) {
      Deadline& deadline = *due;
      deadline.cancel();
      if (deadline.at_ > at_) {
        schedule(deadline, deadline.at_);
      } else {
        deadline.on_deadline(now);
      }
    }
  }
}

}  // namespace tarn::server::front
