// SPDX-License-Identifier: Apache-2.0
#include "server/front/connection_clock.h"

#include <algorithm>

namespace tarn::server::front {

ConnectionClock::ConnectionClock(const Limits& limits, Monotonic now)
    : limits_(&limits), since_(now), body_(body_pace()), send_(limits.send_rate, limits.send_grace) {}

Pace ConnectionClock::body_pace() const {
  return {limits_->body_rate, ingest_ ? limits_->ingest_body_grace : limits_->body_grace};
}

void ConnectionClock::enter(Phase phase, Monotonic now) {
  phase_ = phase;
  since_ = now;
  body_since_.reset();
  body_time_ = Microseconds::max();
}

void ConnectionClock::add_body(std::uint64_t bytes, Monotonic now) {
  if (!body_since_) {
    body_since_ = now;
    body_ = body_pace();
    body_.begin(now);
  }
  body_.add(bytes, now);
}

void ConnectionClock::set_ingest(Monotonic now) {
  if (ingest_) return;
  ingest_ = true;
  if (!body_since_) return;
  body_ = body_pace();
  body_.begin(now);
}

void ConnectionClock::set_waiting(bool waiting, std::uint64_t taken, Monotonic now) {
  if (waiting && !waiting_) {
    send_.begin(now);
  } else if (waiting && taken > taken_) {
    send_.add(taken - taken_, now);
  }
  waiting_ = waiting;
  taken_ = taken;
}

Monotonic ConnectionClock::deadline() const {
  if (hurried_ && (phase_ == Phase::idle || phase_ == Phase::head)) {
    return since_ + std::min(limits_->head_time, hurried_time);
  }
  switch (phase_) {
    case Phase::idle:
      return since_ + (ingest_ ? limits_->ingest_idle_time : limits_->idle_time);
    case Phase::head:
      return since_ + limits_->head_time;
    case Phase::body:
      if (!body_since_) return since_ + (ingest_ ? limits_->ingest_idle_time : limits_->body_grace);
      return std::min(body_.deadline(), *body_since_ + std::min(body_time_, limits_->body_time));
    case Phase::answering:
      return never;
    case Phase::lingering:
      return since_ + linger_time;
  }
  return never;
}

}  // namespace tarn::server::front
