// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/webvtt/document.h"
#include "core/webvtt/sample.h"

namespace tarn::webvtt {

// A file's cues on the media timeline. `origin`: added to its MPEG-2 times, which are then taken modulo
// 2^33; of all times that remain possible each cue has the one nearest to `near`. Without an
// X-TIMESTAMP-MAP the file's 0 is MPEG-2's (RFC 8216bis 3.1.4).
std::vector<Cue> place_cues(const Document& document, std::int64_t origin, std::int64_t near);

// The WebVTT segment of [from, to) (semantics S17): all cues that overlap it, with their whole times. A
// valid file in any case. Times are those of MPEG-2, to the nearest millisecond; a cue that began before they
// wrapped begins at 0.
std::string write_segment(std::vector<Cue> cues, const std::vector<std::string>& blocks, std::int64_t from,
                          std::int64_t to);

}  // namespace tarn::webvtt
