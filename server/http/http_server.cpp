// SPDX-License-Identifier: Apache-2.0
#include "server/http/http_server.h"

#include <algorithm>
#include <thread>

#include "server/front/descriptors.h"
#include "server/front/soup_stream.h"
#include "server/http/serving_thread.h"

namespace tarn::server {

Result<std::unique_ptr<HttpServer>> HttpServer::bind(const std::vector<std::string>& addresses,
                                                     unsigned threads) {
  std::unique_ptr<HttpServer> server{new HttpServer};
  server->addresses_ = addresses;
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    std::vector<front::Object<GSocket>> sockets;
    for (std::string& address : server->addresses_) {
      sockets.push_back(TRY(front::listen_on(address)));
      address = front::bound_address(sockets.back().get());
    }
    server->bound_.push_back(std::move(sockets));
  }
  return server;
}

Status HttpServer::serve(const std::vector<Handler*>& handlers, Observer observer, ServingOptions options) {
  if (handlers.size() != addresses_.size()) return Error{ErrorCode::internal, "one handler an address"};
  front::register_soup_stream();
  const auto plan = front::plan_descriptors(front::raise_descriptor_limit(), front::descriptors_in_use());
  // The first address is the one that the world asks.
  const std::size_t others = std::clamp<std::size_t>(plan.connections / 8, 4, 64);
  const std::size_t first =
      plan.connections - std::min(plan.connections / 2, others * (addresses_.size() - 1));
  auto shared = std::make_shared<ExchangeShared>();
  shared->observer = std::move(observer);
  shared->body_budget = options.limits.bodies;
  shared->refused = options.refused;
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    front::Admission::Settings admission{options.limits.per_address, i == 0 ? first : others,
                                         i == 0 ? plan.kept : 0, i == 0 ? bound_.size() : 0, options.exempt};
    gates_.push_back(std::make_unique<front::GateShared>(options.limits, std::move(admission)));
    gates_[i]->tls = options.tls;
    if (i < options.fast_lanes.size()) gates_[i]->fast_lane = options.fast_lanes[i];
    if (!options.refused) continue;
    gates_[i]->refuse = [i, refused = options.refused](std::string_view reason, const std::string& peer) {
      refused(i, reason, peer);
    };
  }
  for (auto& sockets : bound_) {
    std::vector<ServedAddress> served;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      served.push_back({i, std::move(sockets[i]), handlers[i], gates_[i].get()});
    }
    threads_.push_back(std::make_unique<ServingThread>(std::move(served), shared));
    if (!threads_.back()->status().ok()) return threads_.back()->status();
  }
  bound_.clear();
  return {};
}

HttpServer::~HttpServer() = default;

std::size_t HttpServer::connections() const {
  std::size_t count = 0;
  for (const auto& gate : gates_) count += gate->admission.open();
  return count;
}

bool HttpServer::drain(Microseconds limit) {
  for (const auto& gate : gates_) gate->draining = true;
  for (const auto& thread : threads_) thread->drain();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (connections() > 0) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace tarn::server
