// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/timeline/output.h"
#include "core/timeline/timeline.h"
#include "core/timeline/window.h"

// HLS manifests as pure functions of (timeline, settings, query, now): the same state gives the same text.
// Their cost grows with the cuts they list, not with the timeline.
// Errors: not_found (no content yet, no such rendition, or nothing within the bitrate bounds).
namespace tarn::hls {

// `window` is of the same state of the timeline. The multivariant playlist describes the stretch of its
// newest cut, and its URIs carry the window's query on.
Result<std::string> render_multivariant(const timeline::Timeline& timeline,
                                        const timeline::OutputSettings& settings,
                                        const timeline::Window& window = {});

// The cuts of the window for one rendition; live, the last `settings.segments`. A cut of which the
// rendition's first track has nothing is a gap; what is missing inside of a segment, or of the audio muxed
// into it, is not: the segment is listed with its full share of time (semantics S4, S18).
Result<std::string> render_media(const timeline::Timeline& timeline, const timeline::OutputSettings& settings,
                                 std::string_view rendition, const timeline::Window& window = {});

// How many bytes from its beginning on a segment has up to the end of its first picture, by the segment's
// name; 0: it does not begin with one that decodes on its own.
using Leads = std::map<std::string, std::uint64_t, std::less<>>;
// A window of more segments has no I-frame playlists: who lists them has to have packaged them.
inline constexpr std::size_t most_i_frames = 1500;

// The segments of whose beginnings render_i_frames() will say the size. Errors: as render_media(); and
// not_found where there are no I-frame playlists.
Result<std::vector<std::string>> i_frame_segments(const timeline::Timeline& timeline,
                                                  const timeline::OutputSettings& settings,
                                                  std::string_view rendition,
                                                  const timeline::Window& window = {});

// I-frame playlist (RFC 8216bis 4.4.3.6): that of render_media(), with the first picture of each segment as a
// byte range. A segment that does not begin with a sync sample, or that `leads` does not know, is a gap.
Result<std::string> render_i_frames(const timeline::Timeline& timeline,
                                    const timeline::OutputSettings& settings, std::string_view rendition,
                                    const Leads& leads, const timeline::Window& window = {});

}  // namespace tarn::hls
