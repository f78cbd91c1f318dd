// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

namespace tarn::dash {

// Tracks a player may switch between: video of one codec and colour, audio of one codec and language,
// subtitles of one language.
struct AdaptationSet {
  codecs::Kind kind = codecs::Kind::video;
  codecs::Codec codec = codecs::Codec::h264;
  std::string language;                        // audio; empty: unknown
  std::string characteristics;                 // audio: of EXT-X-MEDIA
  std::string name;                            // likewise: what has another one is something else to hear
  std::vector<const timeline::Track*> tracks;  // in the order of the variants
};

// What the endpoint offers of a stretch: video first. Audio is offered with the variants that use it.
std::vector<AdaptationSet> adaptation_sets(const timeline::Timeline& timeline,
                                           const timeline::Stretch& stretch,
                                           const timeline::OutputSettings& settings);

// bit/s of one track. Video: not less than its variant's declared bitrate, which is fixed for the stretch.
// Audio: measured, rounded up to two digits, so that it does not change with every update.
std::uint64_t bandwidth_of(const timeline::Timeline& timeline, const timeline::Presentation& presentation,
                           const timeline::Stretch& stretch, const timeline::OutputSettings& settings,
                           const timeline::Track& track);

}  // namespace tarn::dash
