// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/front/message_reader.h"

// A whole connection through the reader of messages, in given pieces: what was accepted, where it ended and
// why.
namespace tarn::test {

struct ReadMessage {
  std::string method, target, body;
  std::size_t end = 0;  // offset in the stream of the byte after the message
  bool operator==(const ReadMessage&) const = default;
};

struct MessageRun {
  std::vector<ReadMessage> messages;
  int status = 0;  // of the refusal; 0: there is none
  std::string reason;
  std::size_t taken = 0;    // bytes of the stream
  std::string broken_rule;  // what the reader promises and did not keep
  bool is_closed = false;   // the last message asked for it; what came behind it was not looked at
  bool operator==(const MessageRun&) const = default;
};

class MessageFeeder {
 public:
  explicit MessageFeeder(server::front::MessageLimits limits = {}) : reader_(limits) {}

  void feed(std::string_view piece) {
    using State = server::front::MessageReader::State;
    while (!piece.empty() && !run_.is_closed && reader_.state() != State::refused) {
      const bool was_body = reader_.state() == State::body;
      const std::size_t taken = reader_.feed(as_bytes(piece));
      if (taken == 0 || taken > piece.size()) return break_rule("takes a part of what it is given");
      if (!was_body && !reader_.body().empty()) return break_rule("the head comes without body bytes");
      gather_body(piece.substr(0, taken));
      run_.taken += taken;
      piece.remove_prefix(taken);
      if (reader_.state() == State::complete) finish_message();
    }
  }

  MessageRun end() {
    if (!run_.is_closed) reader_.end();
    if (reader_.state() == server::front::MessageReader::State::refused) {
      run_.status = reader_.refusal().status;
      run_.reason = reader_.refusal().reason;
      if (reader_.feed(as_bytes("GET")) != 0) break_rule("takes nothing after a refusal");
    }
    return run_;
  }

 private:
  void break_rule(std::string_view rule) {
    if (run_.broken_rule.empty()) run_.broken_rule = rule;
    run_.is_closed = true;
  }
  void gather_body(std::string_view taken) {
    for (const Bytes part : reader_.body()) {
      const std::string_view text = as_text(part);
      const bool is_inside =
          text.data() >= taken.data() && text.data() + text.size() <= taken.data() + taken.size();
      if (!is_inside || text.empty()) return break_rule("body bytes are views into what was taken");
      body_.append(text);
    }
  }
  void finish_message() {
    const server::front::MessageHead& head = reader_.head();
    if (reader_.feed(as_bytes("GET")) != 0) break_rule("takes nothing of the next message before next()");
    if (!head.chunked && body_.size() != head.content_length.value_or(0))
      break_rule("Content-Length is exact");
    run_.messages.push_back({head.method, head.target, body_, run_.taken});
    run_.is_closed |= !head.keep_alive;
    body_.clear();
    reader_.next();
  }

  server::front::MessageReader reader_;
  MessageRun run_;
  std::string body_;
};

// `piece_size(left)` says how many bytes the next piece has, from 1 to `left`.
template <class PieceSize>
MessageRun run_in_pieces(std::string_view stream, PieceSize piece_size,
                         server::front::MessageLimits limits = {}) {
  MessageFeeder feeder(limits);
  while (!stream.empty()) {
    const std::size_t size = piece_size(stream.size());
    feeder.feed(stream.substr(0, size));
    stream.remove_prefix(size);
  }
  return feeder.end();
}

inline MessageRun run_whole(std::string_view stream, server::front::MessageLimits limits = {}) {
  return run_in_pieces(
      stream, [](std::size_t left) { return left; }, limits);
}

}  // namespace tarn::test
