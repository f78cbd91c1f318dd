// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include <memory>
#include <string>

#include "core/base/result.h"

// Listening sockets: the only place that makes one.
namespace tarn::server::front {

struct ObjectUnref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, ObjectUnref>;

// Listens on "ADDR:PORT" or "[ADDR]:PORT", port 0 for any free one. Several sockets may share an
// address (SO_REUSEPORT): the kernel spreads connections over them.
Result<Object<GSocket>> listen_on(const std::string& address);

// The address a socket is bound to, "127.0.0.1:8080".
std::string bound_address(GSocket* socket);
// The host of an address, without port or brackets; IPv4-mapped IPv6 as IPv4.
std::string host_of(GSocketAddress* address);

}  // namespace tarn::server::front
