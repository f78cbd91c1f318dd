// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

namespace tarn::timeline {

// One quality a player can choose, as the encoder declared it.
struct Variant {
  TrackId video = 0;            // 0: audio only
  std::vector<TrackId> audio;   // that may accompany it, ascending
  std::vector<TrackId> text;    // subtitles, likewise
  std::uint64_t bandwidth = 0;  // bit/s as declared; 0: not
  std::uint64_t average_bandwidth = 0;
  // What order and filter go by: declared, else measured over the first slots kept (semantics S15).
  std::uint64_t bitrate = 0;
};

// The variants an endpoint offers of a stretch: in the order that is set, without those whose bitrate is
// out of bounds. Tracks that no variant names (a source without a multivariant playlist) are used by all:
// each such video is a variant, each such audio accompanies every variant. Tracks that the protocol cannot
// carry are left out, and audio of one variant is of one codec.
std::vector<Variant> variants_of(const Timeline& timeline, const Stretch& stretch,
                                 const OutputSettings& settings);

// Whether audio travels inside of the video's TS segments: HLS without audio separation, when no variant
// has a choice of audio.
bool is_muxed(const Stretch& stretch, const OutputSettings& settings);

// Whether this endpoint has a media playlist of these tracks: one track, or for TS a video track with an
// audio track of one of its variants. Wider than what the multivariant playlist names, so that players
// stay on when audio separation, order or bounds are changed.
bool has_rendition(const Stretch& stretch, const OutputSettings& settings,
                   const std::vector<TrackId>& tracks);

}  // namespace tarn::timeline
