// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

// HLS manifests as pure functions of (timeline, settings, query, now): the same state gives the same text.
// Their cost grows with the cuts they list, not with the timeline.
// Errors: not_found (no content yet, no such rendition, or nothing within the bitrate bounds).
namespace tarn::hls {

// Describes the stretch of the newest cut.
Result<std::string> render_multivariant(const timeline::Timeline& timeline,
                                        const timeline::OutputSettings& settings);

// The last `settings.segments` cuts for one rendition. A cut of which the rendition's first track has
// nothing is a gap; what is missing inside of a segment, or of the audio muxed into it, is not: the
// segment is listed with its full share of time (semantics S4, S18).
Result<std::string> render_media(const timeline::Timeline& timeline, const timeline::OutputSettings& settings,
                                 std::string_view rendition);

}  // namespace tarn::hls
