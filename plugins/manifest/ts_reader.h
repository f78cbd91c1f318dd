// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/media_segment.h"
#include "core/timeline/timeline.h"
#include "manifest/manifest_builder.h"

namespace tarn::manifest {

// What the playlists must know of the TS segments of one pad: read from the segments themselves, so that it
// does not matter who made them. Until settle() it learns which tracks there are: a segment may announce one
// (in its PMT) of which it has nothing yet.
class TsReader {
 public:
  struct Segment {
    // Of the tracks; the first has the segment's start and duration. Empty: it has nothing of them.
    std::vector<Share> shares;
    bool independent = true;
    bool has_changed = false;  // tracks() has other parameters than before, for this segment and what follows
  };
  // `duration`, 90 kHz, when it is known from elsewhere; else it ends with the last unit that video pictures
  // or audio frames of the usual length would have. Errors: those of the demuxer.
  Result<Segment> read(Bytes segment, std::optional<std::int64_t> duration);
  // Video first; known from the first segment on.
  [[nodiscard]] const std::vector<timeline::TrackDescription>& tracks() const { return descriptions_; }
  // Nothing is announced of which nothing has come.
  [[nodiscard]] bool is_complete() const { return !descriptions_.empty() && announced_.empty(); }
  // The tracks are those that are known; read() begins again with the first segment. Others that come later
  // stay in their segments and out of what is said of them.
  void settle();
  // The PID of such a track, once.
  std::optional<std::uint32_t> take_left_out() { return std::exchange(left_out_, std::nullopt); }

 private:
  void learn(const codecs::MediaSegment& segment);
  void note_others(const codecs::MediaSegment& segment);
  [[nodiscard]] const codecs::ElementaryStream* find(const codecs::MediaSegment& segment,
                                                     std::size_t track) const;
  bool take_changes(const codecs::MediaSegment& segment);
  [[nodiscard]] Share share_of(const codecs::ElementaryStream& stream, std::size_t track);
  std::int64_t unwrap(std::int64_t time);

  std::vector<timeline::TrackDescription> descriptions_;
  std::vector<std::uint32_t> pids_;    // of descriptions_
  std::set<std::uint32_t> announced_;  // PIDs, not known for what they are
  std::set<std::uint32_t> others_;     // PIDs that came when it was settled
  std::optional<std::uint32_t> left_out_;
  bool settled_ = false;
  std::optional<std::int64_t> last_;  // 90 kHz, of the segment before
};

}  // namespace tarn::manifest
