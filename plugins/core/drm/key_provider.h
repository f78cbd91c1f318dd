// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/drm/cpix.h"

namespace tarn::drm {

// Fills in a SPEKE request as a key server does. For development and tests: it knows no licence, and whoever
// may ask gets every key. `speke_version` is what X-Speke-Version said; empty is SPEKE 1.0. The error
// (invalid) is the text that SPEKE 2.0 has for it.
Result<cpix::Document> provide_keys(cpix::Document request, std::string_view speke_version,
                                    const std::function<crypto::Block(const Uuid& kid)>& key_of);

// The answer to a ClearKey licence request of EME (W3C Encrypted Media Extensions 9.1.3, 9.1.4), whose "kids"
// the caller has read.
std::string clearkey_licence(const std::vector<Uuid>& kids,
                             const std::function<crypto::Block(const Uuid& kid)>& key_of);

}  // namespace tarn::drm
