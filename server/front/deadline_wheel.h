// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "core/base/time.h"

namespace tarn::server::front {

// Something that wants to be looked at at a time. Leaves its wheel when it is destroyed.
class Deadline {
 public:
  Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  virtual ~Deadline() { cancel(); }

  void cancel();

 protected:
  // The time has come, or is near: whoever wants more of it is to be scheduled again.
  virtual void on_deadline(Monotonic now) = 0;

 private:
  friend class DeadlineWheel;
  Deadline* next_ = nullptr;
  Deadline** link_ = nullptr;  // what points here; null: not scheduled
  Monotonic at_{};
};

// Thousands of deadlines that are mostly moved and seldom met: scheduling and cancelling are constant time.
// They are met up to one slot late. Pure: the time is an argument.
class DeadlineWheel {
 public:
  static constexpr Microseconds slot_time = std::chrono::milliseconds{250};

  explicit DeadlineWheel(Monotonic now) : at_(now) {}
  ~DeadlineWheel();
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  // An earlier time that it is scheduled for already is left: it will be looked at then, and asks again.
  void schedule(Deadline& deadline, Monotonic at);
  // Calls on_deadline() of what is due. They may schedule, cancel and destroy anything.
  void advance(Monotonic now);
  // When advance() is to be called next.
  [[nodiscard]] Monotonic next() const { return at_ + slot_time; }

 private:
  // Farther ones wait in the farthest slot and are put back when it comes.
  static constexpr std::size_t slots = 512;
  static void link(Deadline*& head, Deadline& deadline);

  std::array<Deadline*, slots> heads_{};
  std::size_t current_ = 0;
  Monotonic at_;  // the current slot's begin
};

}  // namespace tarn::server::front
