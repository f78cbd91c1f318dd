// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "server/front/chunk_decoder.h"
#include "server/front/line_reader.h"
#include "server/front/message_head.h"

// Where one HTTP/1.1 request ends and the next begins (RFC 9112): the one authority on it. Pure: no
// socket, no clock, no libsoup.
namespace tarn::server::front {

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
  // REQUIRES: complete. head() is gone.
  void next();

  [[nodiscard]] State state() const { return state_; }
  // While it is body or complete.
  [[nodiscard]] const MessageHead& head() const { return head_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  void refuse(int status, std::string_view reason);
  void take_head(Bytes& bytes);
  void read_head_line(std::string_view line);
  void finish();
  void take_body(Bytes& bytes);

  MessageLimits limits_;
  State state_ = State::idle;
  MessageHead head_;
  Refusal refusal_;
  std::vector<Bytes> body_;

  LineReader lines_;
  ChunkDecoder chunks_;
  bool has_request_line_ = false;
  bool has_skipped_line_ = false;   // the CRLF before this message
  std::size_t head_bytes_ = 0;      // of the head's lines that are over
  std::uint64_t content_left_ = 0;  // of a body with Content-Length
};

}  // namespace tarn::server::front
