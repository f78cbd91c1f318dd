// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/subsamples.h"
#include "core/drm/uuid.h"

namespace tarn::drm {

// ProtectionSystemSpecificHeaderBox (ISO/IEC 23001-7 8.1).
struct Pssh {
  std::uint8_t version = 0;
  Uuid system{};
  std::vector<Uuid> kids;  // version 1
  ByteVector data;
  bool operator==(const Pssh&) const = default;
};
ByteVector write_pssh(const Pssh& pssh);
// Exactly one box. Errors: malformed, truncated.
Result<Pssh> parse_pssh(Bytes box);

// The data of Widevine's box: key id, content id and scheme.
ByteVector widevine_data(const Uuid& kid, std::string_view content_id, crypto::Scheme scheme);
// A PlayReady object with one WRMHEADER record, version 4.3; the data of PlayReady's box.
ByteVector playready_object(const Uuid& kid, crypto::Scheme scheme);

}  // namespace tarn::drm
