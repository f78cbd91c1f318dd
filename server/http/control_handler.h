// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "server/control/control.h"
#include "server/http/console_files.h"
#include "server/http/message.h"
#include "server/keys/builtin_provider.h"
#include "server/runtime/event_feed.h"
#include "server/runtime/metrics.h"
#include "server/runtime/worker_pool.h"

namespace tarn::server {

// The control listener: the API below /api/v1, health, metrics, the console's files and, where there is one,
// the built-in key provider at /speke and /clearkey.
class ControlHandler : public Handler {
 public:
  struct Parts {
    Control& control;
    WorkerPool& workers;  // the API waits for the database: never on a serving thread
    const Metrics& metrics;
    ConsoleFiles console;
    std::string token;                              // opens /metrics to others than the loopback
    std::function<bool()> ready;                    // any thread
    const BuiltinProvider* key_provider = nullptr;  // null: there is none
    EventFeed* events = nullptr;                    // null: nobody may follow them
  };
  // Everything referred to outlives the handler.
  explicit ControlHandler(Parts parts);

  Verdict on_head(const Request& head) override;
  void handle(Request request, Reply reply) override;

 private:
  void handle_api(Request request, Reply reply);
  [[nodiscard]] Response events_response(std::optional<std::uint64_t> after) const;
  void handle_keys(const Request& request, const Reply& reply);
  [[nodiscard]] Response metrics_response(const Request& request) const;

  Parts parts_;
};

}  // namespace tarn::server
