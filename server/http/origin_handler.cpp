// SPDX-License-Identifier: Apache-2.0
#include "server/http/origin_handler.h"

#include "core/base/time.h"

namespace tarn::server {

OriginHandler::OriginHandler(const ModelSource& model, Origin& origin, UtcClock now,
                             PlaybackSettings settings)
    : now_(now), ingest_(model, origin, std::move(now)), playback_(model, origin, std::move(settings)) {}

Handler& OriginHandler::handler_of(const Request& request) {
  // Uploads to anything that is not an input are answered as uploads to an unknown input.
  const bool uploads = request.method == "PUT" || request.method == "POST" || request.method == "DELETE" ||
                       request.method == "MKCOL";
  if (uploads || parse_ingest_path(request.path).has_value()) return ingest_;
  return playback_;
}

Handler::Verdict OriginHandler::on_head(const Request& head) { return handler_of(head).on_head(head); }

void OriginHandler::handle(Request request, Reply reply) {
  if (request.path == time_path) return reply(time_response());
  Handler& handler = handler_of(request);
  handler.handle(std::move(request), std::move(reply));
}

Response OriginHandler::time_response() const {
  Response response = text_response(200, "text/plain; charset=utf-8", format_utc(now_()));
  response.with("Cache-Control", "no-store");
  add_cors(response);
  return response;
}

}  // namespace tarn::server
