// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/http/ingest_handler.h"
#include "server/http/playback_handler.h"

namespace tarn::server {

// The clock that DASH's UTCTiming points players to; beside /v1, so that no group can be called like it.
constexpr char time_path[] = "/time";

// Everything the origin listener serves: inputs, endpoints and the time.
class OriginHandler : public Handler {
 public:
  OriginHandler(const ModelSource& model, Origin& origin, UtcClock now, PlaybackSettings settings);

  Verdict on_head(const Request& head) override;
  void handle(Request request, Reply reply) override;

 private:
  Handler& handler_of(const Request& request);
  [[nodiscard]] Response time_response() const;

  UtcClock now_;
  IngestHandler ingest_;
  PlaybackHandler playback_;
};

}  // namespace tarn::server
