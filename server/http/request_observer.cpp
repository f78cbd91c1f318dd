// SPDX-License-Identifier: Apache-2.0
#include "server/http/request_observer.h"

#include <algorithm>
#include <array>

namespace tarn::server {
namespace {

// Labels must be bounded: whatever else a client calls its method is "other".
std::string method_label(const std::string& method) {
  constexpr std::array<std::string_view, 8> known{"GET",    "HEAD",    "PUT",   "POST",
                                                  "DELETE", "OPTIONS", "PATCH", "MKCOL"};
  return std::find(known.begin(), known.end(), method) == known.end() ? "other" : method;
}

LogLevel level_of(const RequestRecord& record) {
  // 503 is a channel without content yet, asked for by every player that waits for it.
  if (record.status >= 500 && record.status != 503) return LogLevel::warning;
  const bool read = record.method == "GET" || record.method == "HEAD" || record.method == "OPTIONS";
  return read && record.status < 400 ? LogLevel::debug : LogLevel::info;
}

}  // namespace

void describe_metrics(Metrics& metrics) {
  metrics.describe_counter("tarn_http_requests_total",
                           "Requests answered; status 0: the client left before.");
  metrics.describe_counter("tarn_http_request_bytes_total", "Bytes of request bodies received.");
  metrics.describe_counter("tarn_http_response_bytes_total", "Bytes of response bodies.");
  metrics.describe_counter("tarn_ingest_objects_total", "Playlists and segments received, by result.");
  metrics.describe_counter("tarn_ingest_bytes_total", "Bytes of playlists and segments received.");
  metrics.describe_counter("tarn_input_switches_total", "Changes of a channel's active input.");
  metrics.describe_counter("tarn_segment_cache_hits_total", "Segments and headers served from memory.");
  metrics.describe_counter("tarn_segment_cache_misses_total", "Segments and headers that were packaged.");
  metrics.describe_counter("tarn_manifest_renders_total", "Manifests written anew.");
}

HttpServer::Observer make_request_observer(std::vector<std::string> listeners, Metrics& metrics,
                                           EventLog& log) {
  return [listeners = std::move(listeners), &metrics, &log](const RequestRecord& record) {
    const std::string& listener = listeners[record.binding];
    ++metrics.counter("tarn_http_requests_total", {{"listener", listener},
                                                   {"method", method_label(record.method)},
                                                   {"status", std::to_string(record.status)}});
    metrics.counter("tarn_http_request_bytes_total", {{"listener", listener}}) += record.bytes_in;
    metrics.counter("tarn_http_response_bytes_total", {{"listener", listener}}) += record.bytes_out;
    const LogLevel level = level_of(record);
    if (!log.writes(level)) return;
    log.write(level, "request",
              {{"listener", listener},
               {"id", record.id},
               {"peer", record.peer},
               {"method", record.method},
               {"path", record.path},
               {"status", std::to_string(record.status)},
               {"bytes_in", std::to_string(record.bytes_in)},
               {"bytes_out", std::to_string(record.bytes_out)},
               {"duration_us", std::to_string(record.duration.count())}});
  };
}

}  // namespace tarn::server
