// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/media_segment.h"
#include "core/isobmff/movie_header.h"

// Fragmented MP4 segments as other writers make them (ISO/IEC 14496-12 8.8, RFC 8216bis 3.1.2): any number of
// fragments, several tracks, samples anywhere in the mdat boxes.
namespace tarn::isobmff {

// What can be told of a segment without its header. True: it is cut at its end.
// Errors: truncated (there is no whole fragment), malformed, unsupported, limit.
Result<bool> is_cut_short(Bytes segment);

// What is cut at the end is left out, and the result says `truncated`. Tracks that the header does not have
// are listed as ignored. Times are those of the track, moved by its edit list. Where the samples of a track
// lie back to back and need no change they are not copied. Bounded: 100,000 samples, 4096 boxes, every sample
// inside of an mdat. Errors: truncated (nothing is whole), malformed, unsupported, limit.
Result<codecs::MediaSegment> demux_fragments(const MovieHeader& header, const Blob& segment);

}  // namespace tarn::isobmff
