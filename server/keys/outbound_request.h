// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/base/time.h"
#include "server/model/outbound.h"

namespace tarn::server {

struct OutboundCall {
  OutboundUrl url;
  std::string text;  // the URL as a whole
  std::string body;
  std::string content_type;
  std::map<std::string, std::string> headers;
  // For a server that asks: Basic or Digest. Empty: it is told nothing, and its 401 is the answer.
  std::string username;
  std::string password;
};
struct OutboundAnswer {
  int status = 0;
  std::string content_type;                    // without parameters, lower case
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};
struct OutboundLimits {
  Microseconds connect = std::chrono::seconds{2};  // with the look-up
  Microseconds total = std::chrono::seconds{5};
  std::size_t body = 256U << 10U;
};

// POSTs once, to an address that `policy` permits and that was looked up once: no redirect, no proxy, no
// cookies, no coding, certificates verified. `done` is called once, later, from the thread's main context.
// Errors say what failed and never have the URL's query or any body in them.
void post(OutboundCall call, const OutboundPolicy& policy, const OutboundLimits& limits,
          std::function<void(Result<OutboundAnswer>)> done);

}  // namespace tarn::server
