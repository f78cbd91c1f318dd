// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/crypto/track_encryptor.h"

namespace tarn::drm_element {

// One track's properties as texts, and what they mean.
struct KeyTexts {
  std::string key;  // secret
  std::string kid;
  std::string iv;
  std::string pssh;  // base64 of whole boxes, separated by commas
};

// Errors (invalid) name the property, never its value; `prefix` stands in front of the names.
Result<crypto::TrackProtection> parse_keys(const KeyTexts& texts, crypto::Scheme scheme,
                                           const std::string& prefix);

}  // namespace tarn::drm_element
