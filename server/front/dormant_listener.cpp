// SPDX-License-Identifier: Apache-2.0
#include "server/front/dormant_listener.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace tarn::server::front {
namespace {

Error failed(const char* what) {
  return {ErrorCode::io, std::string{"cannot make a socket in the temporary directory: "} + what};
}

// In a directory of its own, and gone from it at once: what has no name cannot be connected to.
bool bind_and_unlink(int descriptor) {
  g_autofree gchar* directory = g_dir_make_tmp("tarn-XXXXXX", nullptr);
  if (directory == nullptr) return false;
  const std::string path = std::string{directory} + "/s";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  bool bound = path.size() < sizeof address.sun_path;
  if (bound) {
    path.copy(address.sun_path, path.size());
    bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ::unlink(path.c_str());
  ::rmdir(directory);
  return bound && ::listen(descriptor, 1) == 0;
}

}  // namespace

Result<Object<GSocket>> make_dormant_listener() {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return failed(std::strerror(errno));
  if (!bind_and_unlink(descriptor)) {
    const int reason = errno;
    ::close(descriptor);
    return failed(std::strerror(reason));
  }
  GSocket* socket = g_socket_new_from_fd(descriptor, nullptr);
  if (socket != nullptr) return Object<GSocket>{socket};
  ::close(descriptor);
  return failed("not a socket");
}

}  // namespace tarn::server::front
