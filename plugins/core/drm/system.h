// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "core/drm/uuid.h"

namespace tarn::drm {

enum class System { fairplay, widevine, playready };

Uuid system_id(System system);
std::optional<System> system_of(const Uuid& id);
std::string_view name_of(System system);         // "FairPlay", for messages
std::string_view hls_key_format(System system);  // KEYFORMAT

}  // namespace tarn::drm
