// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "server/front/tls.h"

namespace tarn::server::front {

// What a connection's bytes go through: its non-blocking socket, as it is or inside of TLS. The descriptor is
// somebody else's.
class Transport {
 public:
  explicit Transport(int descriptor, std::unique_ptr<TlsSession> tls = nullptr)
      : descriptor_(descriptor), tls_(std::move(tls)) {}

  // As recv() and sendmsg(), errno included.
  ssize_t receive(std::span<std::uint8_t> into);
  ssize_t send(std::span<const iovec> from);
  // Our last byte is sent.
  void end();

  [[nodiscard]] bool is_secure() const { return tls_ != nullptr; }
  // The handshake is over, if there is one.
  [[nodiscard]] bool is_established() const { return tls_ == nullptr || tls_->is_established(); }

 private:
  int descriptor_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace tarn::server::front
