// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include "server/front/connection.h"
#include "server/front/descriptors.h"
#include "server/front/listener.h"

namespace tarn::server::front {

// Takes the connections of one listening socket. Those that may not be are told so and closed; when there are
// no descriptors left it does the same with the spare one, and else leaves the socket alone for a moment.
class Acceptor : public Watched, public Deadline {
 public:
  // Gate and set outlive it.
  Acceptor(Gate& gate, Connection::Set& open, Object<GSocket> socket);
  ~Acceptor() override;
  Status start();
  // Takes what waits in the kernel, then closes the socket.
  void stop();

  void on_ready(std::uint32_t events) override;

 protected:
  void on_deadline(Monotonic now) override;

 private:
  enum class Taken { one, none, no_descriptor };
  Taken take();
  bool make_room(const std::list<Connection*>& of);
  void admit(int descriptor, GSocketAddress* remote);
  void turn_away(int descriptor, const std::string& peer, std::string_view reason, std::string_view line);

  Gate& gate_;
  Connection::Set& open_;
  Object<GSocket> socket_;
  int descriptor_;
  SpareDescriptor spare_;
};

}  // namespace tarn::server::front
