// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "core/isobmff/mvex.h"

// Headers that somebody else has written (ISO/IEC 14496-12 8.2.1): what EXT-X-MAP names.
namespace tarn::isobmff {

struct MovieTrack {
  std::uint32_t id = 0;  // track_ID
  codecs::StreamInfo info;
  std::string language;
  Trex defaults;
  // Ticks that all times of the track are moved by: what its edit list says (8.6.6).
  std::int64_t shift = 0;
};

struct MovieHeader {
  std::vector<MovieTrack> tracks;    // in their order; those Tarn carries
  std::vector<std::string> ignored;  // "track 3: handler meta" …
};

// Whether there is a moov box among the top-level boxes, as far as `bytes` can be read.
bool has_movie_header(Bytes bytes);
// And no moof box: a header in an object of its own.
bool is_movie_header(Bytes bytes);
// Errors: encrypted, unsupported (none of its tracks can be carried), malformed, truncated, limit.
Result<MovieHeader> read_movie_header(Bytes bytes);

}  // namespace tarn::isobmff
