// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "server/front/message_head.h"

// What libsoup gets to read: written by us, never what a client sent. It is told only what it needs to know
// for its own part (the target, whether a body follows, whether the connection goes on); the request's fields
// go to the handlers beside it. Every body is chunked, so that it can be ended at any time, and every request
// is of HTTP/1.1: the version an answer has is the server's own (RFC 9110 2.5).
namespace tarn::server::front {

std::string canonical_head(const MessageHead& head, bool keep_alive);
void append_chunk(std::string& out, Bytes data);
constexpr std::string_view last_chunk = "0\r\n\r\n";

// Not a request: libsoup answers 400 inside, calls no handler, and frees everything it holds for a
// connection. Nothing else makes libsoup 3.2 let go of one that is idle.
constexpr std::string_view parting_request = "X\r\n\r\n";

}  // namespace tarn::server::front
