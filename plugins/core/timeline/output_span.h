// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/timeline/timeline.h"

namespace tarn::timeline {

// What one cut has of one track, and the time that is its share.
struct TrackSpan {
  // From the first chunk's start to the last one's end, so that the spans of successive cuts join to the
  // tick. Where the first or last slot has no chunk, the slot's own bound stands in: a track's playlist
  // then keeps step with the others, whatever is missing.
  std::int64_t start = 0;  // ticks of the track
  std::int64_t end = 0;
  Found<Chunk> first;  // none: nothing of this track came
  Found<Chunk> last;
  std::uint64_t bytes = 0;  // of its chunks
};

// REQUIRES: the stretch is the cut's. A track that it does not have has an empty span in ticks of the
// reference track.
TrackSpan span_of(const Timeline& timeline, const Stretch& stretch, const Cut& cut, TrackId track);
// Of a rendition's track. `rendition`: all tracks of it, the leading one first.
TrackSpan span_of(const Timeline& timeline, const Stretch& stretch, const Cut& cut, TrackId track,
                  const std::vector<TrackId>& rendition, Content content);

// The segment was published as a gap, for want of the rendition's first track, and late content has filled
// it. Only as a whole: a segment that answers has its bytes for ever.
bool is_repaired(const Timeline& timeline, std::uint64_t first_slot, std::uint32_t slot_count,
                 const std::vector<TrackId>& rendition);
// The chunk of a track of the rendition that its segment of these slots has in `slot`.
Found<Chunk> archived_chunk(const Timeline& timeline, std::uint64_t slot, TrackId track, bool repaired);

// Wall-clock time of a cut's bounds (semantics S13).
Utc start_of(const Timeline& timeline, const Cut& cut);
Utc end_of(const Timeline& timeline, const Stretch& stretch, const Cut& cut);
// By the reference track.
Microseconds duration_of(const Timeline& timeline, const Stretch& stretch, const Cut& cut);

std::uint32_t timescale_of(const Stretch& stretch, TrackId track);

}  // namespace tarn::timeline
