// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

// The MPD as a pure function of (timeline, settings, query, now).
namespace tarn::dash {

// `time_url`: where UTCTiming (urn:mpeg:dash:utc:http-iso:2014) asks, as the player reaches it.
// Errors: not_found (no content yet).
Result<std::string> render_mpd(const timeline::Timeline& timeline, const timeline::OutputSettings& settings,
                               std::string_view time_url);

}  // namespace tarn::dash
