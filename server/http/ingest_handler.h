// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "server/http/message.h"
#include "server/http/route.h"
#include "server/model/model.h"
#include "server/runtime/origin.h"

namespace tarn::server {

using ModelSource = std::function<std::shared_ptr<const Model>()>;
using UtcClock = std::function<Utc()>;

// What encoders send (docs/api, "Ingest"): PUT and POST store, DELETE is accepted without effect,
// MKCOL and OPTIONS please WebDAV clients. Credentials are judged when the head is there, so that a
// client that waits for 100 Continue gets its 401 at once. An unknown channel looks like a wrong password.
class IngestHandler : public Handler {
 public:
  // Everything outlives the handler.
  IngestHandler(ModelSource model, Origin& origin, UtcClock now);

  Verdict on_head(const Request& head) override;
  void handle(Request request, Reply reply) override;

 private:
  [[nodiscard]] bool is_authorized(const Model& model, const IngestPath& path, const Request& head) const;

  ModelSource model_;
  Origin& origin_;
  UtcClock now_;
};

// The answer to a stored or refused object; `name` is the file it says so about.
Response upload_response(const std::string& name, const UploadAnswer& answer);

}  // namespace tarn::server
