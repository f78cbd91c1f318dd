// SPDX-License-Identifier: Apache-2.0
#include "server/front/transport.h"

#include <sys/socket.h>

namespace tarn::server::front {

ssize_t Transport::receive(std::span<std::uint8_t> into) {
  return tls_ ? tls_->receive(into) : ::recv(descriptor_, into.data(), into.size(), 0);
}

ssize_t Transport::send(std::span<const iovec> from) {
  if (tls_) return tls_->send(from);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(from.data());  // sendmsg() does not write through it
  message.msg_iovlen = from.size();
  return ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
}

void Transport::end() {
  if (tls_) tls_->end();
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace tarn::server::front
