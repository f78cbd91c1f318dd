// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/drm/system.h"

namespace tarn::drm {

// What stands in a DASH ContentProtection element of a system: cenc:pssh and, for PlayReady, mspr:pro.
std::string content_protection(System system, Bytes pssh);

// A key server's ContentProtectionData: elements side by side, well-formed, whose cenc:pssh is `pssh`.
Status check_content_protection(std::string_view fragment, System system, Bytes pssh);

}  // namespace tarn::drm
