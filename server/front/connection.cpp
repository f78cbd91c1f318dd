// SPDX-License-Identifier: Apache-2.0
#include "server/front/connection.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/out_of_memory.h"
#include "server/front/refusals.h"

namespace tarn::server::front {
namespace {

// An idle connection may still bring a request while the server drains, and is told so.
constexpr Microseconds drain_patience = std::chrono::milliseconds{250};

GQuark connection_quark() {
  static const GQuark quark = g_quark_from_static_string("tarn-connection");
  return quark;
}

}  // namespace

Connection* connection_of(GSocketAddress* remote) {
  return remote == nullptr
             ? nullptr
             : static_cast<Connection*>(g_object_get_qdata(G_OBJECT(remote), connection_quark()));
}

Connection::Connection(Gate& gate, Set& open, int descriptor, std::unique_ptr<TlsSession> tls,
                       GSocketAddress* remote, std::string peer, bool ingest_only)
    : gate_(gate),
      open_(open),
      descriptor_(descriptor),
      transport_(descriptor, std::move(tls)),
      remote_(g_object_ref(remote)),
      peer_(std::move(peer)),
      reader_(gate.shared->limits.message),
      clock_(gate.shared->limits, gate.loop->now()),
      ingest_only_(ingest_only) {
  g_object_set_qdata(G_OBJECT(remote_), connection_quark(), this);
  if (ingest_only_) clock_.set_hurried(true);
}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
  g_object_set_qdata(G_OBJECT(remote_), connection_quark(), nullptr);
  g_object_unref(remote_);
}

Status Connection::start() {
  open_.insert(shared_from_this());
  TRY(gate_.loop->watch(descriptor_, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this));
  enter(ConnectionClock::Phase::idle);
  reschedule();
  return {};
}

bool Connection::is_last() const {
  return closing_ || abandoned_ || !reader_.head().keep_alive || gate_.shared->draining ||
         (!clock_.is_ingest() && requests_ >= gate_.shared->limits.requests);
}

void Connection::set_ingest() {
  ingest_only_ = false;
  clock_.set_hurried(false);
  clock_.set_ingest(now());
}

void Connection::set_body_time(Microseconds most) {
  if (clock_.phase() == ConnectionClock::Phase::body) clock_.set_body_time(most);
}

void Connection::enter(ConnectionClock::Phase phase) {
  using Phase = ConnectionClock::Phase;
  clock_.enter(phase, now());
  if (phase == Phase::idle && !clock_.is_ingest()) {
    move_to(gate_.idle);
  } else if (phase == Phase::head && ingest_only_) {
    move_to(gate_.begun);
  } else {
    move_to(place_);
  }
}

void Connection::move_to(std::list<Connection*>& list) {
  if (in_ == &gate_.begun) --gate_.shared->begun;
  list.splice(list.end(), *in_, at_);
  in_ = &list;
  if (in_ == &gate_.begun) ++gate_.shared->begun;
}

bool Connection::give_way() {
  // For the first byte. Encoders' heads come whole: what has begun and is not there yet has no claim, and any
  // patience with it would let those who connect fast enough have all places all the time.
  constexpr Microseconds patience = std::chrono::seconds{1};
  constexpr Microseconds patience_on_kept_place = std::chrono::milliseconds{100};
  const bool is_begun = clock_.phase() == ConnectionClock::Phase::head;
  const Microseconds enough = ingest_only_ ? patience_on_kept_place : patience;
  if (requests_ == 0 && !is_begun && now() < clock_.since() + enough) return false;
  if (is_begun && gate_.shared->refuse) gate_.shared->refuse(reason::descriptors, peer_);
  close_now();
  return true;
}

void Connection::refuse(int status, std::string_view line, std::string_view reason) {
  if (closing_) return;
  refused_status_ = status;
  if (gate_.shared->refuse) gate_.shared->refuse(reason, peer_);
  if (!broken_) out_.append(refusal_text(status, line, gate_.loop->date()));
  mute_ = true;
  if (lent_ && turn_ == Turn::soup) fails_ = true;
  if (lent_ && turn_ == Turn::ours) part_with_soup();
  begin_closing();
}

void Connection::begin_closing() {
  closing_ = true;
  if (broken_) return close_now();
  gate_.loop->flush_later(*this);
}

void Connection::linger() {
  if (!shut_) {
    shut_ = true;
    transport_.end();
    enter(ConnectionClock::Phase::lingering);
  }
  while (may_read_ && !ended_) {
    const auto scratch = gate_.loop->scratch();
    const ssize_t got = ::recv(descriptor_, scratch.data(), scratch.size(), 0);
    if (got > 0) lingered_ += static_cast<std::uint64_t>(got);
    if (got < 0 && errno == EAGAIN) {
      may_read_ = false;
    } else if (got < 0 && errno != EINTR) {
      ended_ = true;
    }
    ended_ = ended_ || got == 0 || lingered_ > linger_bytes;
  }
  // A place that is kept for encoders is needed; the request has been read, so that closing resets nothing.
  if (ended_ || ingest_only_) return close_now();
  reschedule();
}

void Connection::abort(std::string_view reason) {
  if (gate_.shared->refuse) gate_.shared->refuse(reason, peer_);
  const struct ::linger reset { 1, 0 };
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close_now();
}

void Connection::close_now() {
  if (closed_) return;
  closed_ = true;
  closing_ = true;
  broken_ = true;
  out_.clear();
  // libsoup has to let go of it in any case.
  if (lent_ && turn_ == Turn::ours) part_with_soup();
  if (lent_ && turn_ == Turn::soup) fails_ = true;
  cancel();
  move_to(place_);
  gate_.shared->admission.leave(peer_);
  gate_.loop->release(descriptor_, *this, shared_from_this());
  ::close(descriptor_);
  descriptor_ = -1;
  open_.erase(shared_from_this());
}

void Connection::drain() {
  if (clock_.phase() == ConnectionClock::Phase::idle) reschedule();
}

void Connection::settle() {
  settled_ = true;
  out_.trim();
  if (lent_ && turn_ == Turn::ours) part_with_soup();
  if (given_.empty()) given_ = {};
  if (unread_.empty()) unread_ = {};
}

void Connection::on_ready(std::uint32_t events) {
  const auto self = shared_from_this();
  // TLS may have to write in order to read, and the other way round.
  if ((events & EPOLLOUT) != 0 || transport_.is_secure()) may_write_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0 || transport_.is_secure()) may_read_ = true;
  hung_up_ = hung_up_ || (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
  if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && !shut_)) lose_client();
  if ((hung_up_ || broken_) && on_hang_up_) {
    broken_ = true;
    std::exchange(on_hang_up_, nullptr)();
  }
  on_flush();
}

// An encoder that ends without having read every answer resets the connection: what it had sent before is in
// the socket all the same, and is taken.
void Connection::lose_client() {
  out_.clear();
  if (clock_.is_ingest() && !closing_) {
    mute_ = true;
    hung_up_ = true;
    may_read_ = true;
    may_write_ = true;
  } else {
    broken_ = true;
    ended_ = true;
  }
}

void Connection::on_flush() {
  if (closed_) return;
  const auto self = shared_from_this();
  if (!out_.empty() && may_write_ && !broken_) {
    const std::size_t waiting = out_.bytes();
    std::size_t none = 0;
    const auto sent = out_.send(transport_, {}, none);
    sent_ += waiting - out_.bytes();
    may_write_ = sent == OutputQueue::Sent::all;
    if (sent == OutputQueue::Sent::failed) lose_client();
  }
  if (broken_) {
    out_.clear();
    ended_ = true;
  }
  if (!closing_) return advance();
  if (broken_) return close_now();
  if (out_.empty()) return linger();
  reschedule();
}

std::uint64_t Connection::taken_by_client() const {
  int queued = 0;
  if (::ioctl(descriptor_, SIOCOUTQ, &queued) != 0) queued = 0;
  return sent_ - std::min(sent_, static_cast<std::uint64_t>(std::max(queued, 0)));
}

void Connection::reschedule() {
  if (closed_) return;
  if (!may_write_ || clock_.send_deadline() != never) {
    clock_.set_waiting(!may_write_, may_write_ ? 0 : taken_by_client(), now());
  }
  Monotonic at = std::min(clock_.deadline(), clock_.send_deadline());
  if (!settled_) at = std::min(at, clock_.settle_at());
  if (gate_.shared->draining && clock_.phase() == ConnectionClock::Phase::idle) {
    at = std::min(at, now() + drain_patience);
  }
  if (at != never) gate_.loop->deadlines().schedule(*this, at);
}

void Connection::on_deadline(Monotonic now) {
  const auto self = shared_from_this();
  unless_out_of_memory([&] { check_deadlines(now); }, [&] { on_out_of_memory(); });
}

void Connection::on_out_of_memory() noexcept {
  advancing_ = false;
  if (closed_) return;
  // libsoup gets an error: to write it a parting request takes memory.
  fails_ = lent_;
  parting_ = lent_;
  close_now();
}

void Connection::check_deadlines(Monotonic now) {
  using Phase = ConnectionClock::Phase;
  if (closed_) return;
  if (!settled_ && now >= clock_.settle_at()) settle();
  if (now >= clock_.send_deadline()) {
    clock_.set_waiting(!may_write_, taken_by_client(), now);
    if (now >= clock_.send_deadline()) return abort(reason::send_rate);
  }
  const bool late = now >= clock_.deadline();
  if (clock_.phase() == Phase::idle && (late || gate_.shared->draining) && out_.empty() && !parting_) {
    if (lent_) part_with_soup();
    begin_closing();
  } else if (late && clock_.phase() == Phase::head) {
    refuse(408, "the request's head took too long", reason::head_time);
  } else if (late && clock_.phase() == Phase::body && given_at_ == given_.size()) {
    refuse(408, "the request's body came too slowly", reason::body_rate);
  } else if (late && clock_.phase() == Phase::lingering) {
    return close_now();
  }
  if (late && clock_.phase() == Phase::body && !closing_) {
    gate_.loop->deadlines().schedule(*this, now + DeadlineWheel::slot_time);
    return;
  }
  reschedule();
}

}  // namespace tarn::server::front
