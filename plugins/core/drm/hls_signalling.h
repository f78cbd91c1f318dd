// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/subsamples.h"
#include "core/drm/system.h"

// EXT-X-KEY and EXT-X-SESSION-KEY (RFC 8216bis 4.4.4.4, 4.4.5.2).
namespace tarn::drm {

enum class KeyTag { media, session };

// One line without its end. `pssh` is the box of Widevine, the object of PlayReady, unused for FairPlay.
std::string key_line(KeyTag tag, System system, crypto::Scheme scheme, const Uuid& kid, Bytes pssh);
// The URI attribute of such a line.
std::string key_uri(System system, const Uuid& kid, Bytes pssh);
// With a URI and KEYFORMATVERSIONS that a key server has given (SPEKE 1.0).
std::string key_line(KeyTag tag, System system, crypto::Scheme scheme, std::string_view uri,
                     std::string_view versions);

// EME ClearKey (W3C Encrypted Media Extensions 9.1), which RFC 8216bis does not know: hls.js plays it.
std::string clearkey_line(KeyTag tag, crypto::Scheme scheme, const Uuid& kid, std::string_view licence_url);

// That a key server's line is one line with this tag, and says of method and key format what was agreed.
Status check_key_line(std::string_view line, KeyTag tag, System system, crypto::Scheme scheme);

}  // namespace tarn::drm
