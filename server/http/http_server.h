// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"
#include "server/front/gate.h"
#include "server/front/listener.h"
#include "server/http/message.h"

namespace tarn::server {

class ServingThread;

// A request that is over, for logs and metrics.
struct RequestRecord {
  std::size_t binding = 0;  // index of the listener
  std::string id;
  std::string method;
  std::string path;  // without the query: it may carry secrets
  std::string peer;
  std::string forwarded_for;  // X-Forwarded-For, as it came
  int status = 0;             // 0: the client left before there was an answer
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;  // of the answer's body
  Microseconds duration{};
};

// What the connections may take, and who is told of it. All of it may stay as it is.
struct ServingOptions {
  front::Limits limits;
  // Addresses whose connections are not counted; empty function: none.
  std::function<bool(const std::string& address)> exempt;
  // One an address, in the same order; missing or null: none. They outlive the server.
  std::vector<front::FastLane*> fast_lanes;
  // HTTPS on all addresses; null: plain HTTP. Outlives the server.
  front::TlsContext* tls = nullptr;
  // A connection or request that the connection layer turns away; on serving threads.
  std::function<void(std::size_t binding, std::string_view reason, const std::string& peer)> refused;
};

// Serving threads, each with its own main context, SoupServer and SO_REUSEPORT sockets: a connection
// stays on the thread that accepted it. server/front takes connections and reads requests, libsoup carries
// them to the handlers and the answers back.
class HttpServer {
 public:
  using Observer = std::function<void(const RequestRecord&)>;  // on serving threads

  // Opens the listening sockets; connections wait until serve() answers them, so that handlers can be
  // made that know the addresses.
  static Result<std::unique_ptr<HttpServer>> bind(const std::vector<std::string>& addresses,
                                                  unsigned threads);
  // One handler an address, in the same order; they outlive the server.
  Status serve(const std::vector<Handler*>& handlers, Observer observer, ServingOptions options = {});
  // Connections that are open.
  [[nodiscard]] std::size_t connections() const;
  // Cuts what is still in flight; drain() first.
  ~HttpServer();

  // Where it listens, with the ports that were chosen for port 0.
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
  // Stops accepting, closes connections after the answer they wait for, and answers 503 to later requests;
  // true when none was left before `limit` had passed.
  bool drain(Microseconds limit);

 private:
  HttpServer() = default;

  std::vector<std::vector<front::Object<GSocket>>> bound_;  // per thread, until serve()
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<front::GateShared>> gates_;  // per address
  std::vector<std::unique_ptr<ServingThread>> threads_;
};

}  // namespace tarn::server
