// SPDX-License-Identifier: Apache-2.0
#include "server/front/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/base/out_of_memory.h"
#include "server/front/refusals.h"

namespace tarn::server::front {
namespace {

// Of one turn: the connections that are there already are served in between.
constexpr int accepted_at_once = 64;

}  // namespace

Acceptor::Acceptor(Gate& gate, Connection::Set& open, Object<GSocket> socket)
    : gate_(gate), open_(open), socket_(std::move(socket)), descriptor_(g_socket_get_fd(socket_.get())) {}

Acceptor::~Acceptor() {
  if (socket_ != nullptr) gate_.loop->release(descriptor_, *this, nullptr);
}

Status Acceptor::start() { return gate_.loop->watch(descriptor_, EPOLLIN, *this); }

void Acceptor::stop() {
  if (socket_ == nullptr) return;
  while (take() == Taken::one) {
  }
  cancel();
  gate_.loop->release(descriptor_, *this, nullptr);
  socket_.reset();
}

void Acceptor::on_ready(std::uint32_t) {
  for (int i = 0; i < accepted_at_once; ++i) {
    const Taken taken = take();
    if (taken == Taken::none) return;
    if (taken == Taken::no_descriptor) {
      // Nothing can be done about it here: no use in being told again and again.
      gate_.loop->rearm(descriptor_, 0, *this);
      gate_.loop->deadlines().schedule(*this, gate_.loop->now());
      return;
    }
  }
}

void Acceptor::on_deadline(Monotonic) {
  spare_.take();
  gate_.loop->rearm(descriptor_, EPOLLIN, *this);
}

Acceptor::Taken Acceptor::take() {
  sockaddr_storage native{};
  socklen_t size = sizeof native;
  const auto accept = [&] {
    size = sizeof native;
    return ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&native), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  };
  int descriptor = accept();
  const bool exhausted = descriptor < 0 && (errno == EMFILE || errno == ENFILE);
  if (exhausted && spare_.give()) descriptor = accept();
  if (descriptor < 0) {
    if (exhausted) return Taken::no_descriptor;
    // A connection that broke while it waited, or a signal: the next one may be fine.
    return errno == ECONNABORTED || errno == EINTR ? Taken::one : Taken::none;
  }
  const Object<GSocketAddress> remote{g_socket_address_new_from_native(&native, size)};
  if (exhausted) {
    turn_away(descriptor, host_of(remote.get()), reason::descriptors, "the server has no connections left");
    spare_.take();
  } else {
    // It throws only before the descriptor is a connection's.
    unless_out_of_memory([&] { admit(descriptor, remote.get()); }, [&] { ::close(descriptor); });
  }
  return Taken::one;
}

void Acceptor::admit(int descriptor, GSocketAddress* remote) {
  std::string peer = host_of(remote);
  auto verdict = gate_.shared->admission.enter(peer);
  if (verdict == Admission::Verdict::full) {
    // Where another thread has all those that could give way, this one is there for the next that comes here.
    const bool has_room =
        make_room(gate_.idle) || make_room(gate_.begun) || (gate_.begun.empty() && gate_.shared->begun > 0);
    if (has_room) verdict = gate_.shared->admission.exceed(peer);
  } else if (verdict == Admission::Verdict::ingest_only && make_room(gate_.idle)) {
    verdict = Admission::Verdict::admitted;
  }
  if (verdict == Admission::Verdict::address_full) {
    return turn_away(descriptor, peer, reason::per_address, "too many connections from this address");
  }
  if (verdict == Admission::Verdict::full) {
    return turn_away(descriptor, peer, reason::descriptors, "the server has no connections left");
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const bool ingest_only = verdict == Admission::Verdict::ingest_only;
  const auto make = [&]() -> std::shared_ptr<Connection> {
    std::unique_ptr<TlsSession> tls;
    if (gate_.shared->tls != nullptr) {
      tls = gate_.shared->tls->accept(descriptor);
      if (tls == nullptr) throw std::bad_alloc{};
    }
    return std::make_shared<Connection>(gate_, open_, descriptor, std::move(tls), remote, peer, ingest_only);
  };
  const auto connection = unless_out_of_memory(make, [&]() -> std::shared_ptr<Connection> {
    ::close(descriptor);
    return nullptr;
  });
  const bool started =
      connection && unless_out_of_memory([&] { return connection->start().ok(); }, [] { return false; });
  if (!started) {
    open_.erase(connection);
    return gate_.shared->admission.leave(peer);
  }
  // What came with it is looked at before the next one is let in, who may need the place more.
  unless_out_of_memory([&] { connection->on_flush(); }, [&] { connection->on_out_of_memory(); });
}

// A new client rather than one that may be gone for good.
bool Acceptor::make_room(const std::list<Connection*>& of) { return !of.empty() && of.front()->give_way(); }

void Acceptor::turn_away(int descriptor, const std::string& peer, std::string_view reason,
                         std::string_view line) {
  if (gate_.shared->refuse) gate_.shared->refuse(reason, peer);
  // A request that is there already must be read, or closing resets the connection and the answer with it.
  std::array<char, 4096> request{};
  (void)::recv(descriptor, request.data(), request.size(), MSG_DONTWAIT);
  // Without a handshake nothing can be said inside of TLS.
  if (gate_.shared->tls == nullptr) {
    const std::string text = refusal_text(503, line, gate_.loop->date());
    (void)::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
  }
  ::shutdown(descriptor, SHUT_RDWR);
  ::close(descriptor);
}

}  // namespace tarn::server::front
