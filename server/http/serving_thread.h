// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "server/front/gate.h"
#include "server/front/listener.h"
#include "server/http/exchange.h"
#include "server/http/message.h"

namespace tarn::server {

// What one thread serves of one address.
struct ServedAddress {
  std::size_t binding = 0;
  front::Object<GSocket> socket;
  Handler* handler = nullptr;
  front::GateShared* gate = nullptr;
};

// One thread with its main context, its event loop, and a SoupServer for each address.
class ServingThread {
 public:
  ServingThread(std::vector<ServedAddress> addresses, std::shared_ptr<ExchangeShared> shared);
  // Cuts what is still in flight.
  ~ServingThread();
  ServingThread(const ServingThread&) = delete;
  ServingThread& operator=(const ServingThread&) = delete;

  // Whether it serves; else it has ended again.
  [[nodiscard]] const Status& status() const { return status_; }
  // Accepts what waits, then no more; idle connections are closed after a moment. Returns when it is under
  // way.
  void drain();

 private:
  struct Front;
  void run(std::promise<Status>& started, std::vector<ServedAddress>& addresses);
  Status open(std::vector<ServedAddress>& addresses);
  void close();
  void invoke(std::function<void()> call);

  GMainContext* context_;
  GMainLoop* main_loop_;
  std::shared_ptr<ExchangeShared> shared_;
  std::unique_ptr<front::EventLoop> loop_;
  std::vector<std::unique_ptr<Front>> fronts_;
  Status status_;
  std::thread thread_;
};

}  // namespace tarn::server
