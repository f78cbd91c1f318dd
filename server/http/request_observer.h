// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "server/http/http_server.h"
#include "server/model/network.h"
#include "server/runtime/access_log.h"
#include "server/runtime/metrics.h"

namespace tarn::server {

// Counts and logs requests that are over; `listeners` names the bindings. Behind one of the `trusted` proxies
// the address is the client's, as the access rules of endpoints see it.
HttpServer::Observer make_request_observer(std::vector<std::string> listeners, Metrics& metrics,
                                           AccessLog& log, std::vector<Network> trusted);

// Counts and logs what the connection layer turns away: a line a second and reason at most, with how many
// there were.
std::function<void(std::size_t binding, std::string_view reason, const std::string& peer)>
make_refusal_observer(std::vector<std::string> listeners, Metrics& metrics, AccessLog& log);

}  // namespace tarn::server
