// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "server/http/http_server.h"
#include "server/runtime/event_log.h"
#include "server/runtime/metrics.h"

namespace tarn::server {

// Counts and logs requests that are over; `listeners` names the bindings. Successful playback is logged
// at level debug: there is too much of it.
HttpServer::Observer make_request_observer(std::vector<std::string> listeners, Metrics& metrics,
                                           EventLog& log);

// Counts and logs what the connection layer turns away: a line a second and reason at most, with how many
// there were.
std::function<void(std::size_t binding, std::string_view reason, const std::string& peer)>
make_refusal_observer(std::vector<std::string> listeners, Metrics& metrics, EventLog& log);

}  // namespace tarn::server
