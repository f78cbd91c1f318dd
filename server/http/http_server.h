// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"
#include "server/http/listener.h"
#include "server/http/message.h"

namespace tarn::server {

// A request that is over, for logs and metrics.
struct RequestRecord {
  std::size_t binding = 0;  // index of the listener
  std::string id;
  std::string method;
  std::string path;  // without the query: it may carry secrets
  std::string peer;
  int status = 0;  // 0: the client left before there was an answer
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;  // of the answer's body
  Microseconds duration{};
};

// Serving threads, each with its own main context, SoupServer and SO_REUSEPORT sockets: a connection
// stays on the thread that accepted it. Sockets and the library are only known here and in listener.h.
class HttpServer {
 public:
  using Observer = std::function<void(const RequestRecord&)>;  // on serving threads

  // Opens the listening sockets; connections wait until serve() answers them, so that handlers can be
  // made that know the addresses.
  static Result<std::unique_ptr<HttpServer>> bind(const std::vector<std::string>& addresses,
                                                  unsigned threads);
  // One handler an address, in the same order; they outlive the server.
  Status serve(const std::vector<Handler*>& handlers, Observer observer);
  // Cuts what is still in flight; drain() first.
  ~HttpServer();

  // Where it listens, with the ports that were chosen for port 0.
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
  // Stops accepting, and closes connections after the answer they wait for; true when none was left
  // before `limit` had passed.
  bool drain(Microseconds limit);

 private:
  class Thread;
  HttpServer() = default;
  using Sockets = std::vector<std::unique_ptr<GSocket, ObjectUnref>>;

  std::vector<Sockets> bound_;  // per thread, until serve()
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace tarn::server
