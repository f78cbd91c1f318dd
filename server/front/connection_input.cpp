// SPDX-License-Identifier: Apache-2.0
// The reading side of a connection: whose turn it is, and what is made of the bytes.
#include <array>
#include <cerrno>

#include "server/front/canonical_request.h"
#include "server/front/connection.h"
#include "server/front/refusals.h"
#include "server/front/soup_stream.h"

namespace tarn::server::front {
namespace {

// What is read of a body before libsoup has taken it.
constexpr std::size_t given_limit = 64U << 10U;
// A body up to this size is sent with its head in one piece.
constexpr std::uint64_t copied_bytes = 16U << 10U;
// Steps of one turn: a client that sends without end does not hold up the others.
constexpr int steps_at_once = 256;

}  // namespace

// Goes as far as it can. Called again from within (libsoup asks for the next request while it is given one)
// it leaves the work to the outer call.
void Connection::advance() {
  if (advancing_ || closing_ || closed_) return;
  const auto self = shared_from_this();
  advancing_ = true;
  const std::string held = std::move(unread_);
  unread_.clear();
  rest_ = as_bytes(held);
  int steps = 0;
  while (steps < steps_at_once && !closing_ && step()) ++steps;
  if (steps == steps_at_once) gate_.loop->flush_later(*this);
  if (!rest_.empty() && !closing_) unread_.assign(as_text(rest_));
  rest_ = {};
  advancing_ = false;
  reschedule();
}

// One step; false: there is nothing to do until something happens.
bool Connection::step() {
  if (parting_ || fails_) return false;
  if (turn_ == Turn::soup) return !gave_all_ && read_body();
  return out_.bytes() <= output_limit && read_head();
}

// What there is to read; empty: nothing now, or, when ended_, nothing any more.
Bytes Connection::input() {
  if (!rest_.empty() || broken_) return broken_ ? Bytes{} : rest_;
  while (may_read_ && !ended_) {
    const auto scratch = gate_.loop->scratch();
    const ssize_t got = transport_.receive(scratch);
    if (got > 0) {
      // A short read has emptied the socket: the next byte is a new event, but not an end that came with it.
      may_read_ = hung_up_ || transport_.is_secure() || static_cast<std::size_t>(got) == scratch.size();
      rest_ = Bytes{scratch.data(), static_cast<std::size_t>(got)};
      return rest_;
    }
    if (got == 0) {
      ended_ = true;
    } else if (errno == EAGAIN) {
      may_read_ = false;
    } else if (errno != EINTR) {
      if (!transport_.is_established() && gate_.shared->refuse) gate_.shared->refuse(reason::tls, peer_);
      ended_ = true;
      broken_ = true;
    }
  }
  return {};
}

bool Connection::read_head() {
  const Bytes bytes = input();
  if (bytes.empty()) {
    if (ended_) finish_input();
    return false;
  }
  rest_ = bytes.subspan(reader_.feed(bytes));
  switch (reader_.state()) {
    case MessageReader::State::idle:
      return true;
    case MessageReader::State::head:
      if (clock_.phase() != ConnectionClock::Phase::head) {
        enter(ConnectionClock::Phase::head);
      }
      return true;
    case MessageReader::State::refused:
      refuse(reader_.refusal().status, reader_.refusal().reason, reason_of(reader_.refusal()));
      return false;
    case MessageReader::State::body:
    case MessageReader::State::complete:
      begin_message();
      return true;
  }
  return false;
}

bool Connection::read_body() {
  // The head first: who reads it decides where the body goes.
  if (!head_taken_) return false;
  if (given_.size() - given_at_ >= given_limit) return false;
  const Bytes bytes = input();
  if (bytes.empty()) {
    if (ended_) finish_input();
    return false;
  }
  const std::size_t taken = reader_.feed(bytes);
  rest_ = bytes.subspan(taken);
  if (reader_.state() == MessageReader::State::refused) {
    refuse(reader_.refusal().status, reader_.refusal().reason, reason_of(reader_.refusal()));
    return false;
  }
  clock_.add_body(taken, now());
  for (const Bytes& data : reader_.body()) {
    if (sink_ == nullptr) {
      append_chunk(given_, data);
    } else if (!abandoned_) {
      sink_->take(data);
    }
  }
  if (abandoned_) return false;
  if (reader_.state() == MessageReader::State::complete) {
    given_.append(last_chunk);
    gave_all_ = true;
    enter(ConnectionClock::Phase::answering);
  }
  return true;
}

// The client sends no more.
void Connection::finish_input() {
  if (broken_) return close_now();
  reader_.end();
  if (reader_.state() == MessageReader::State::refused) {
    refuse(reader_.refusal().status, reader_.refusal().reason, reason_of(reader_.refusal()));
    return;
  }
  if (lent_) part_with_soup();
  begin_closing();
}

void Connection::begin_message() {
  ++requests_;
  settled_ = false;
  if (gate_.shared->draining) return refuse(503, "the server is being stopped", reason::draining);
  if (ingest_only_ && is_for_viewer()) {
    return refuse(503, "the server has no connections left", reason::descriptors);
  }
  if (answer_at_once()) return;
  given_ = canonical_head(reader_.head(), !is_last());
  given_at_ = 0;
  abandoned_ = false;
  head_taken_ = false;
  gave_all_ = reader_.state() == MessageReader::State::complete;
  turn_ = Turn::soup;
  enter(gave_all_ ? ConnectionClock::Phase::answering : ConnectionClock::Phase::body);
  if (!lent_) lend_to_soup();
}

bool Connection::is_for_viewer() const {
  const std::string& method = reader_.head().method;
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

bool Connection::answer_at_once() {
  FastLane* const lane = gate_.shared->fast_lane;
  if (lane == nullptr || reader_.state() != MessageReader::State::complete || is_last()) return false;
  const auto answer = lane->find(reader_.head());
  if (!answer) return false;
  out_.append(answer->head);
  out_.append(gate_.loop->date());
  out_.append(answer->tail);
  for (const Blob& part : answer->body) {
    if (answer->body_bytes <= copied_bytes) {
      out_.append(as_text(part.bytes()));
    } else {
      out_.append(part);
    }
  }
  gate_.loop->flush_later(*this);
  lane->answered(reader_.head(), peer_, *answer, Microseconds{0});
  reader_.next();
  enter(ConnectionClock::Phase::idle);
  return true;
}

void Connection::lend_to_soup() {
  GIOStream* const stream = new_soup_stream(shared_from_this());
  lent_ = true;
  gate_.serve(stream, remote_);
  g_object_unref(stream);
}

}  // namespace tarn::server::front
