// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/timeline/output.h"
#include "core/timeline/timeline.h"
#include "core/timeline/window.h"

// The MPD as a pure function of (timeline, settings, query, now): ISO/IEC 23009-1, profile isoff-live,
// SegmentTemplate with $Time$ and SegmentTimeline. Its cost grows with the cuts it lists, not with the
// timeline.
namespace tarn::dash {

// `time_url`: where UTCTiming (urn:mpeg:dash:utc:http-iso:2014) asks, as the player reaches it;
// empty: nowhere.
//
// One Period per stretch, and another where a generation of the endpoint begins inside of one, as segment
// URLs contain the generation; id and start are stored values or follow from them (semantics S5).
// Listed are the cuts that end within the manifest window before the live edge, which is never less than
// the presentation delay and two segments (S24). A cut without anything of a track is a hole in its
// Representation's timeline.
//
// `window` (of the same state of the timeline) asks for another part. One that begins at a moment and grows
// is a dynamic MPD whose window and presentation delay reach back to its beginning; behind the live edge,
// availabilityStartTime is that much later; one that is complete is static, and what was complete from the
// beginning has its first Period at 0.
//
// Errors: not_found (no content yet, or nothing within the bitrate bounds).
Result<std::string> render_mpd(const timeline::Timeline& timeline, const timeline::OutputSettings& settings,
                               std::string_view time_url, const timeline::Window& window = {});

}  // namespace tarn::dash
