// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "server/front/connection_limits.h"
#include "server/front/pace.h"

namespace tarn::server::front {

constexpr Monotonic never = Monotonic::max();

// How long a connection may take for what it does at the moment. Pure: the time is an argument.
class ConnectionClock {
 public:
  enum class Phase {
    idle,       // between messages
    head,       // a head has begun
    body,       // the head is known, the body is being read
    answering,  // the request is complete: the client owes nothing
    lingering,  // the last answer has been sent
  };

  ConnectionClock(const Limits& limits, Monotonic now);

  void enter(Phase phase, Monotonic now);
  // Bytes of the body, framing included. REQUIRES: phase() is body
  void add_body(std::uint64_t bytes, Monotonic now);
  // The client is known to be an encoder from here on.
  void set_ingest(Monotonic now);
  // For this body, from its first byte to its last, where that is less than the limit.
  // REQUIRES: phase() is body
  void set_body_time(Microseconds most) { body_time_ = most; }
  // Whether the client is to say at once what it wants: its place is needed.
  void set_hurried(bool hurried) { hurried_ = hurried; }
  // Whether bytes of answers wait for the client to take some; `taken`: those it has taken so far.
  void set_waiting(bool waiting, std::uint64_t taken, Monotonic now);

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool is_ingest() const { return ingest_; }
  // When the phase began.
  [[nodiscard]] Monotonic since() const { return since_; }
  // When the client will have taken too long.
  [[nodiscard]] Monotonic deadline() const;
  [[nodiscard]] Monotonic send_deadline() const { return waiting_ ? send_.deadline() : never; }
  // When an idle connection gives back what it holds.
  [[nodiscard]] Monotonic settle_at() const { return phase_ == Phase::idle ? since_ + settle_time : never; }

 private:
  [[nodiscard]] Pace body_pace() const;

  const Limits* limits_;
  Phase phase_ = Phase::idle;
  Monotonic since_;  // the phase's begin
  bool ingest_ = false;
  bool hurried_ = false;
  std::optional<Monotonic> body_since_;  // its first byte
  Microseconds body_time_ = Microseconds::max();
  Pace body_;
  bool waiting_ = false;
  std::uint64_t taken_ = 0;
  Pace send_;
};

}  // namespace tarn::server::front
