// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

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

// Fields of a context with keys; one that is not there leaves `out` as it is. Errors (invalid) name the
// field, never its value.
Status read_text(const GstStructure* fields, const char* name, std::string& out);
// 16 bytes as GBytes, to hexadecimal digits. A text is refused: GStreamer writes contexts into its logs.
Status read_key(const GstStructure* fields, const char* name, std::string& out);

}  // namespace tarn::drm_element
