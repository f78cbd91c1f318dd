// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/media_segment.h"
#include "core/timeline/timeline.h"
#include "manifest/manifest_builder.h"

namespace tarn::manifest {

// What the playlists must know of the TS segments of one pad: read from the segments themselves, so that it
// does not matter who made them.
class TsReader {
 public:
  struct Segment {
    std::vector<Share> shares;  // of the tracks; the first has the segment's start and duration
    bool independent = true;
  };
  // `duration`, 90 kHz, when it is known from elsewhere; else it ends with the last unit that video pictures
  // or audio frames of the usual length would have. Errors: those of the demuxer; unsupported, when
  // the tracks change.
  Result<Segment> read(Bytes segment, std::optional<std::int64_t> duration);
  // Video first; known from the first segment on.
  [[nodiscard]] const std::vector<timeline::TrackDescription>& tracks() const { return descriptions_; }

 private:
  Status learn(const codecs::MediaSegment& segment);
  [[nodiscard]] const codecs::ElementaryStream* find(const codecs::MediaSegment& segment,
                                                     std::size_t track) const;
  Status check(const codecs::MediaSegment& segment) const;
  [[nodiscard]] Share share_of(const codecs::ElementaryStream& stream, std::size_t track);
  std::int64_t unwrap(std::int64_t time);

  std::vector<timeline::TrackDescription> descriptions_;
  std::vector<std::uint32_t> pids_;   // of descriptions_
  std::optional<std::int64_t> last_;  // 90 kHz, of the segment before
};

}  // namespace tarn::manifest
