// SPDX-License-Identifier: Apache-2.0
// The side of a connection that libsoup's stream stands on.
#include <algorithm>

#include "server/front/canonical_request.h"
#include "server/front/connection.h"

namespace tarn::server::front {
namespace {

// Less than this is gathered, so that the head and the body of a small answer leave together.
constexpr std::size_t gathered_bytes = 16U << 10U;

}  // namespace

void Connection::abandon_body() {
  if (turn_ != Turn::soup || gave_all_) return;
  abandoned_ = true;
  gave_all_ = true;
  given_.append(last_chunk);
  enter(ConnectionClock::Phase::answering);
}

Connection::Io Connection::read(std::span<std::uint8_t> into, std::size_t& count) {
  if (given_at_ == given_.size() && !fails_) advance();
  count = std::min(into.size(), given_.size() - given_at_);
  if (count == 0) return fails_ ? Io::failed : Io::blocked;
  std::copy_n(given_.data() + given_at_, count, into.data());
  given_at_ += count;
  if (given_at_ == given_.size()) {
    head_taken_ = true;
    given_.clear();
    given_at_ = 0;
  }
  return Io::done;
}

Connection::Io Connection::write(Bytes bytes, std::size_t& count) {
  count = bytes.size();
  if (mute_) return Io::done;
  if (broken_) return Io::failed;
  if (out_.bytes() + bytes.size() < gathered_bytes) {
    out_.append(as_text(bytes));
    gate_.loop->flush_later(*this);
    return Io::done;
  }
  if (!may_write_) return Io::blocked;
  const std::size_t waiting = out_.bytes();
  const auto sent = out_.send(transport_, bytes, count);
  sent_ += waiting - out_.bytes() + count;
  may_write_ = sent == OutputQueue::Sent::all;
  if (sent == OutputQueue::Sent::failed) {
    lose_client();
    count = bytes.size();
    return broken_ ? Io::failed : Io::done;
  }
  if (!may_write_) reschedule();
  return count == 0 ? Io::blocked : Io::done;
}

void Connection::wants_input() {
  if (parting_ || closing_ || fails_) return;
  if (turn_ == Turn::soup && gave_all_ && given_at_ == given_.size()) {
    // What is left of an abandoned body would be read as a request.
    if (abandoned_) return begin_closing();
    reader_.next();
    sink_.reset();
    on_hang_up_ = nullptr;
    turn_ = Turn::ours;
    enter(ConnectionClock::Phase::idle);
  }
  advance();
}

void Connection::stream_closed() {
  const auto self = shared_from_this();
  lent_ = false;
  sink_.reset();
  on_hang_up_ = nullptr;
  if (closed_) return;
  const bool idle = parting_ && !closing_ && !broken_;
  parting_ = false;
  given_ = {};
  given_at_ = 0;
  if (!idle) return begin_closing();
  mute_ = false;
  advance();
}

// libsoup frees what it holds for this connection, and closes the stream.
void Connection::part_with_soup() {
  if (parting_) return;
  given_ = parting_request;
  given_at_ = 0;
  parting_ = true;
  mute_ = true;
}

}  // namespace tarn::server::front
