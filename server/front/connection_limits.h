// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/time.h"
#include "server/front/message_head.h"

namespace tarn::server::front {

// How much of the server one connection may take (docs/operations.md, "Limits").
struct Limits {
  MessageLimits message;

  // From a head's first byte to its last.
  Microseconds head_time = std::chrono::seconds{10};
  // Between messages.
  Microseconds idle_time = std::chrono::seconds{30};
  // The same where an encoder has sent something, and how long its body's first byte may take: encoders
  // open the next upload long before they have anything to send.
  Microseconds ingest_idle_time = std::chrono::seconds{90};
  // A body, and an answer that waits for its reader, may fall behind its rate by so much time.
  std::uint64_t body_rate = 8U << 10U;  // bytes a second
  Microseconds body_grace = std::chrono::seconds{5};
  Microseconds ingest_body_grace = std::chrono::seconds{10};
  std::uint64_t send_rate = 4U << 10U;  // bytes a second
  Microseconds send_grace = std::chrono::seconds{30};
  // From a body's first byte to its last.
  Microseconds body_time = std::chrono::seconds{120};

  // Encoders' connections are not counted: none of them survives a connection that ends.
  std::uint64_t requests = 1000;
  // Connections of one address; 0: any number.
  std::size_t per_address = 512;
  // Bytes of request bodies in memory, over all connections: above it viewers are turned away.
  std::uint64_t bodies = 512ULL << 20U;
};

// After so long without a request a connection gives back its buffers, and libsoup its objects.
constexpr Microseconds settle_time = std::chrono::milliseconds{1500};
// A connection that ends is read on for this long and this many bytes, so that the client sees the answer
// before the reset that unread bytes would cause.
constexpr Microseconds linger_time = std::chrono::seconds{2};
constexpr std::uint64_t linger_bytes = 8U << 20U;
// For a head where only an encoder would be served.
constexpr Microseconds hurried_time = std::chrono::seconds{2};
// Nothing more is read from a client that leaves so many bytes of answers waiting.
constexpr std::size_t output_limit = 256U << 10U;

}  // namespace tarn::server::front
