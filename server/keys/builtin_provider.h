// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/crypto/sample_cipher.h"
#include "core/drm/uuid.h"
#include "server/model/store.h"

namespace tarn::server {

// Tarn's own key server, for development and tests: SPEKE and ClearKey licences. Keys are made of a secret
// that the store keeps and of their id, so that they are the same after a restart. Not for production: who
// may ask gets every key. Thread-safe.
class BuiltinProvider {
 public:
  static Result<BuiltinProvider> open(Store& store);

  // The answer to a SPEKE request; `version` is X-Speke-Version, empty for SPEKE 1.0. Errors: invalid, with
  // the text that the answer of 422 has.
  [[nodiscard]] Result<std::string> speke(std::string_view body, std::string_view version) const;
  // As a playlist's EXT-X-KEY of KEYFORMAT "identity" asks for it (RFC 8216bis 4.4.4.4).
  [[nodiscard]] crypto::Block identity_key(const drm::Uuid& kid) const { return key_of(kid); }
  // A licence for {"kids": ["<base64url>", …]}. Errors: malformed.
  [[nodiscard]] Result<std::string> clearkey(std::string_view body) const;

 private:
  explicit BuiltinProvider(std::string secret) : secret_(std::move(secret)) {}
  [[nodiscard]] crypto::Block key_of(const drm::Uuid& kid) const;

  std::string secret_;
};

}  // namespace tarn::server
