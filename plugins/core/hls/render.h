// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

// HLS manifests as pure functions of (timeline, settings, query, now).
// Errors: not_found (no content yet, or no such rendition).
namespace tarn::hls {

Result<std::string> render_multivariant(const timeline::Timeline& timeline,
                                        const timeline::OutputSettings& settings);
Result<std::string> render_media(const timeline::Timeline& timeline, const timeline::OutputSettings& settings,
                                 std::string_view rendition);

}  // namespace tarn::hls
