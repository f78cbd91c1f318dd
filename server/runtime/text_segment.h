// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/archive/archive.h"
#include "core/base/result.h"

namespace tarn::server {

// The subtitles of some slots, to be written as WebVTT.
struct TextRequest {
  timeline::TrackId track = 0;
  std::uint64_t first_slot = 0;
  std::uint64_t slot_count = 0;
  std::int64_t from = 0;  // 90 kHz
  std::int64_t to = 0;
};

// The WebVTT segment (semantics S17). A slot without a chunk of the track has no cues. Errors: io, malformed.
Result<std::string> text_segment(archive::Archive& archive, const TextRequest& request);

}  // namespace tarn::server
