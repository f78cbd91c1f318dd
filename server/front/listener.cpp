// SPDX-License-Identifier: Apache-2.0
#include "server/front/listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/text.h"

namespace tarn::server::front {
namespace {

// libsoup's own listen calls take 10: a burst of players would wait for SYN retries.
constexpr int backlog = 4096;

Error failed(const std::string& address, const char* what) {
  return {ErrorCode::io, "cannot listen on " + address + ": " + what};
}

Result<Object<GSocketAddress>> socket_address(const std::string& text) {
  const auto colon = text.rfind(':');
  const Error bad{ErrorCode::invalid, "not an address: \"" + text + "\" (ADDR:PORT or [ADDR]:PORT)"};
  if (colon == std::string::npos || colon == 0) return bad;
  std::string host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const auto port = parse_u64(std::string_view{text}.substr(colon + 1));
  if (!port || *port > 65535) return bad;
  GSocketAddress* address = g_inet_socket_address_new_from_string(host.c_str(), static_cast<guint>(*port));
  if (address == nullptr) return bad;
  return Object<GSocketAddress>{address};
}

}  // namespace

// Plain calls up to the bind: g_socket_bind() clears SO_REUSEPORT of stream sockets.
Result<Object<GSocket>> listen_on(const std::string& address) {
  const auto wanted = TRY(socket_address(address));
  sockaddr_storage native{};
  const gssize size = g_socket_address_get_native_size(wanted.get());
  if (!g_socket_address_to_native(wanted.get(), &native, sizeof native, nullptr)) {
    return failed(address, "not an address of a socket");
  }
  const int file = ::socket(native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (file < 0) return failed(address, std::strerror(errno));
  const int on = 1;
  if (::setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::setsockopt(file, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
      ::bind(file, reinterpret_cast<const sockaddr*>(&native), static_cast<socklen_t>(size)) != 0 ||
      ::listen(file, backlog) != 0) {
    const int reason = errno;
    ::close(file);
    return failed(address, std::strerror(reason));
  }
  GError* error = nullptr;
  Object<GSocket> socket{g_socket_new_from_fd(file, &error)};
  if (socket != nullptr) return socket;
  const Error result = failed(address, error->message);
  g_error_free(error);
  ::close(file);
  return result;
}

std::string bound_address(GSocket* socket) {
  const Object<GSocketAddress> address{g_socket_get_local_address(socket, nullptr)};
  if (address == nullptr || !G_IS_INET_SOCKET_ADDRESS(address.get())) return "?";
  const auto port = std::to_string(g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get())));
  const std::string host = host_of(address.get());
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

std::string host_of(GSocketAddress* address) {
  if (address == nullptr || !G_IS_INET_SOCKET_ADDRESS(address)) return {};
  g_autofree gchar* text =
      g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
  std::string host{text};
  constexpr std::string_view mapped = "::ffff:";
  if (host.starts_with(mapped) && host.find('.') != std::string::npos) host.erase(0, mapped.size());
  return host;
}

}  // namespace tarn::server::front
