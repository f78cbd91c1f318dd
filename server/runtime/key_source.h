// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/time.h"
#include "core/drm/contract.h"
#include "server/model/model.h"

namespace tarn::server {

// What is known of an endpoint's keys.
struct KeyStatus {
  std::shared_ptr<const drm::ContentKeys> keys;  // null: there never were any
  std::uint64_t requests = 0;                    // to the key server, since the server started
  std::optional<Utc> last_request;
  std::string last_error;  // of the last request; empty: it was answered
  // Where EME ClearKey licences for these keys are: only the built-in provider has them.
  std::string clearkey_url = {};
};

// Where the runtime has content keys from. Thread-safe, answers at once.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // REQUIRES: endpoint.is_encrypted()
  [[nodiscard]] virtual KeyStatus keys(const Endpoint& endpoint) const = 0;
};

}  // namespace tarn::server
