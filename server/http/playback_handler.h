// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "server/http/hot_answers.h"
#include "server/http/ingest_handler.h"
#include "server/http/message.h"
#include "server/http/route.h"
#include "server/model/network.h"
#include "server/runtime/origin.h"

namespace tarn::server {

struct PlaybackSettings {
  std::vector<Network> trusted_proxies;
  bool require_access_control = false;
  HotAnswers* hot = nullptr;  // where answers that anybody may have are left; null: nowhere
};

// What players and CDNs ask for: GET, HEAD and OPTIONS of manifests, segments and CMAF headers. All
// answers are readable by pages of any origin (CORS); refusals carry X-Tarn-Reason (semantics S36).
class PlaybackHandler : public Handler {
 public:
  // Everything outlives the handler.
  PlaybackHandler(ModelSource model, Origin& origin, PlaybackSettings settings);

  Verdict on_head(const Request& head) override;
  void handle(Request request, Reply reply) override;

 private:
  [[nodiscard]] bool is_open_to_all(const Endpoint& endpoint) const;
  void leave(const Request& request, const std::shared_ptr<const Model>& model, const Endpoint& endpoint,
             const Fetched& fetched, const std::shared_ptr<const Delivery>& delivery) const;

  ModelSource model_;
  Origin& origin_;
  PlaybackSettings settings_;
};

// Lets pages of other origins read an answer.
void add_cors(Response& response);
// The answer to a CORS preflight or any OPTIONS of a resource that is only read.
Response preflight_response();
// A refusal with its documented code.
Response refusal_response(int status, std::string_view reason_code, std::string_view line);

// The answer to a request for content that is there: conditions, codings and ranges applied.
Response content_response(const Request& request, const Endpoint& endpoint, const Content& content);

}  // namespace tarn::server
