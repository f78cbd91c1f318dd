// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/hls/playlist.h"
#include "ingest/object_path.h"
#include "ingest/object_shelf.h"

namespace tarn::ingest {

// A segment whose turn it is in its media playlist.
struct OrderedSegment {
  std::uint64_t media_sequence = 0;
  bool discontinuity = false;  // EXT-X-DISCONTINUITY, or the encoder began anew
  bool gap = false;            // nothing to demux: EXT-X-GAP, never came, or not usable
  Microseconds duration{};     // EXTINF
  Microseconds skipped{};      // programme that was never listed, between the predecessor and this
  std::optional<Utc> program_date_time;
  std::optional<ObjectName> header;  // EXT-X-MAP
  UploadedSegment object;
};

// Follows one media playlist from version to version and says which segment comes next.
//
// A segment that is listed but has not come is waited for, and so is everything behind it, until it
// comes, two later ones have come, it falls out of the playlist, or three target durations have passed:
// then it is a gap. A playlist that contradicts what it listed before is the encoder beginning anew.
class PlaylistFollower {
 public:
  // Nothing is changed when it returns an error (a URI that leads out of the input). REQUIRES: no
  // segment is encrypted
  Status update(const std::string& path, const hls::MediaPlaylist& playlist, ObjectShelf& shelf,
                Monotonic now);

  // An object has come: it may be the proof that a playlist that went back is a new beginning.
  void arrived(const std::string& path, ObjectShelf& shelf, Monotonic now);

  std::optional<OrderedSegment> next(ObjectShelf& shelf, Monotonic now);
  // A segment that was given up, and has come all the same. Of the last 64 that were.
  std::optional<OrderedSegment> next_late(ObjectShelf& shelf);
  // From now on nothing is waited for.
  void settle() { settled_ = true; }

  [[nodiscard]] bool names(std::string_view path) const;
  [[nodiscard]] bool has_complete_segment(const ObjectShelf& shelf) const;
  // The first of its segments that is there is WebVTT, in a file or in fragments.
  [[nodiscard]] bool is_text(const ObjectShelf& shelf) const;
  // EXT-X-ENDLIST, and everything before it has had its turn.
  [[nodiscard]] bool ended() const { return end_list_ && expected_.empty(); }
  [[nodiscard]] Microseconds target_duration() const { return target_duration_; }
  [[nodiscard]] std::uint64_t never_came() const { return never_came_; }
  [[nodiscard]] std::uint64_t restarts() const { return restarts_; }

 private:
  struct Expected {
    ObjectName name;
    OrderedSegment segment;
    Monotonic listed;
  };
  // A version of the playlist, its URIs resolved.
  struct Version {
    std::uint64_t first = 0;
    std::vector<Expected> entries;
    [[nodiscard]] std::uint64_t end() const { return first + entries.size(); }
  };
  enum class Relation { begins, continues, stale, restarts };

  static Result<Version> resolve(const std::string& path, const hls::MediaPlaylist& playlist, Monotonic now);
  [[nodiscard]] Relation relation(const Version& version, const ObjectShelf& shelf) const;
  [[nodiscard]] bool contradicts(const Version& version) const;
  [[nodiscard]] bool has_new_content(const Version& version, const ObjectShelf& shelf) const;
  void begin(Version version, ObjectShelf& shelf);
  void restart(Version version, ObjectShelf& shelf);
  void append(Version version, ObjectShelf& shelf);
  [[nodiscard]] bool is_lost(const ObjectShelf& shelf, Monotonic now) const;
  // It has come, and so has the header that it needs.
  [[nodiscard]] static bool is_there(const Expected& entry, const ObjectShelf& shelf);

  std::deque<Expected> expected_;
  std::deque<Expected> given_up_;
  std::map<std::uint64_t, ObjectName> listed_;  // by media sequence number, the latest ones
  std::optional<Version> doubtful_;             // went back, and nothing proves it a new beginning
  std::uint64_t window_first_ = 0;
  std::uint64_t listed_end_ = 0;
  bool begun_ = false;
  bool gave_any_ = false;
  bool end_list_ = false;
  bool settled_ = false;
  Microseconds target_duration_{};
  std::uint64_t never_came_ = 0;
  std::uint64_t restarts_ = 0;
};

}  // namespace tarn::ingest
