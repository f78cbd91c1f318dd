// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/time.h"
#include "core/drm/contract.h"
#include "core/timeline/key_periods.h"
#include "server/model/model.h"

namespace tarn::server {

// What is known of an endpoint's keys.
struct KeyStatus {
  std::shared_ptr<const drm::ContentKeys> keys;  // of now; null: there never were any
  // Where they change, of the periods after and before, if they are there.
  std::shared_ptr<const drm::ContentKeys> next{};
  std::shared_ptr<const drm::ContentKeys> previous{};
  // For the encryptor and for manifests, of every period that is kept; empty: there never were any.
  timeline::KeyPeriods<crypto::StreamProtection> encryption{};
  timeline::KeyPeriods<timeline::Protection> signalling{};
  std::uint64_t requests = 0;  // to the key server, since the server started
  std::optional<Utc> last_request;
  std::string last_error;  // of the last request; empty: it was answered
};

// Where the runtime has content keys from. Thread-safe, answers at once.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // REQUIRES: endpoint.is_encrypted()
  [[nodiscard]] virtual KeyStatus keys(const Endpoint& endpoint) const = 0;
};

// What an endpoint has published, as far as its keys must be kept and may not be others.
struct KeyedContent {
  Utc oldest;  // no generation that is kept began before; Utc{}: unknown
  Utc edge;    // end of the newest slot
};

}  // namespace tarn::server
