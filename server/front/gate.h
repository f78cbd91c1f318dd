// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "server/front/admission.h"
#include "server/front/connection_limits.h"
#include "server/front/event_loop.h"
#include "server/front/message_head.h"
#include "server/front/tls.h"

namespace tarn::server::front {

// An answer that is there already. `head` and `tail` are its head without the value of Date between them.
struct ReadyAnswer {
  int status = 200;
  std::shared_ptr<const void> owner;  // keeps the rest
  std::string_view head;
  std::string_view tail;
  std::span<const Blob> body;
  std::uint64_t body_bytes = 0;
};

// Answers requests without libsoup and without a handler, where that gives the very same bytes. Thread-safe.
class FastLane {
 public:
  virtual ~FastLane() = default;
  // Of a request without a body; nothing: the handlers answer it.
  virtual std::optional<ReadyAnswer> find(const MessageHead& head) = 0;
  // One that was given has been sent, or as good as.
  virtual void answered(const MessageHead& head, const std::string& peer, const ReadyAnswer& answer,
                        Microseconds duration) = 0;
};

class Connection;

// What the connections of one listener share, over all threads. Outlives them.
struct GateShared {
  GateShared(const Limits& the_limits, Admission::Settings settings)
      : limits(the_limits), admission(std::move(settings)) {}

  const Limits limits;
  Admission admission;
  FastLane* fast_lane = nullptr;  // may be null
  TlsContext* tls = nullptr;      // null: plain HTTP
  // Counts a connection or request that is turned away; on any serving thread; may be empty.
  std::function<void(std::string_view reason, const std::string& peer)> refuse;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> begun{0};  // of all threads' gates
};

// The same for one thread.
struct Gate {
  EventLoop* loop = nullptr;
  GateShared* shared = nullptr;
  std::list<Connection*> idle;   // viewers' connections between messages, the longest idle first
  std::list<Connection*> begun;  // on places kept for encoders, before their head is complete; likewise
  // Lets libsoup serve a stream; the remote address leads back to the connection, connection_of().
  std::function<void(GIOStream* stream, GSocketAddress* remote)> serve;
};

}  // namespace tarn::server::front
