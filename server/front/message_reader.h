// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

// Where one HTTP/1.1 request ends and the next begins (RFC 9112): the one authority on it. Pure: no
// socket, no clock, no libsoup.
namespace tarn::server::front {

struct MessageLimits {
  std::size_t request_line = 4U << 10U;  // bytes without the line end
  std::size_t head = 32U << 10U;         // bytes of request line and fields, line ends included
  std::size_t fields = 64;
  std::size_t chunk_line = 256;  // bytes of a chunk's size line; extensions are skipped
  std::size_t trailer = 4U << 10U;
};

struct Field {
  std::string name;   // as sent
  std::string value;  // without white space at both ends
};

struct MessageHead {
  std::string method;
  std::string target;  // origin-form, or "*" of OPTIONS; never absolute-form
  int minor_version = 1;
  std::vector<Field> fields;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;         // as version and Connection say
  bool expects_continue = false;  // Expect: 100-continue, and a body follows

  // The value of a field that was sent, by lower-case name; of several the first one.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view lower_name) const;
};

// Why a message is not read on. The connection is closed after the answer: nobody knows where the next one
// begins.
struct Refusal {
  int status = 400;  // 400, 413, 414, 431, 501, 505
  std::string reason;
};

// Reads one connection's requests, fed in pieces of any size; the outcome does not depend on the pieces.
class MessageReader {
 public:
  enum class State {
    idle,      // at a message's boundary, nothing of the next one has come (a lone CRLF before it is skipped)
    head,      // within request line or fields
    body,      // head() is known; body bytes are being read
    complete,  // the message's last byte has been taken; next() goes on
    refused,   // refusal() says why; nothing more is taken
  };

  explicit MessageReader(MessageLimits limits = {}) : limits_(limits) {}

  // Takes bytes of the current message, at most to its head's or its body's end: a call that completes the
  // head takes no body bytes. Returns how many were taken; 0 only in complete, refused, or of no bytes.
  std::size_t feed(Bytes bytes);
  // Body bytes without framing that the last feed() took: views into the bytes it was given.
  [[nodiscard]] const std::vector<Bytes>& body() const { return body_; }
  // The stream ends here: within a message that is a refusal, at a boundary it is not.
  void end();
  void next();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const MessageHead& head() const { return head_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  MessageLimits limits_;
  State state_ = State::idle;
  MessageHead head_;
  Refusal refusal_;
  std::vector<Bytes> body_;
};

}  // namespace tarn::server::front
