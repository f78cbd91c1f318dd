// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "core/timeline/arrival_lag.h"
#include "core/timeline/merger.h"

// What the merger knows of one input: the units that came and are not decided yet, by session and track.
namespace tarn::timeline {

constexpr std::size_t input_count = 2;

// Limits of what is kept of a track that the timeline does not take.
constexpr std::size_t held_gops = 512;
constexpr std::size_t held_frames = 16'384;
constexpr std::size_t held_sessions = 4;
constexpr std::size_t tracks_per_input = 64;
constexpr std::size_t held_time_marks = 32;

struct Arrived {
  Unit unit;
  Monotonic at;
  Utc at_utc;
};

// How far behind its media an input's content comes.
class ArrivalHistory {
 public:
  // `span`: of media that is looked back upon.
  void add(Microseconds media_end, Monotonic at, Microseconds span);
  // When media that ends at `media_end` is here at the latest if it comes as the recent units did. `period`:
  // length of the segments where they are regular; then only units at the same place in their segments count,
  // because the first one of a segment is here long after its end and the last one soon. 0: all of them.
  [[nodiscard]] std::optional<Monotonic> expected(Microseconds media_end, Microseconds period) const;
  // Media that ends at `media_end` has come sooner, by more than `limit`, than any that is looked back upon.
  [[nodiscard]] bool is_early(Microseconds media_end, Monotonic at, Microseconds limit) const;

 private:
  struct Sample {
    Microseconds media_end;
    Microseconds lag;
  };
  std::deque<Sample> samples_;
  Microseconds greatest_{0};
  Microseconds least_{0};
};

struct TrackFeed {
  TrackDescription description;
  std::deque<Arrived> units;  // ascending by start
  // Added to this input's times of the track: it takes up the timeline exactly where that is.
  std::int64_t shift = 0;
  bool shift_known = false;
  std::optional<std::int64_t> seen_end;  // end of what came
  bool segment_over = false;             // the input segment of the last unit is all there
  int differing = 0;  // copies in a row that were other bytes than those used; negative: the same bytes

  [[nodiscard]] std::uint32_t timescale() const { return description.info.timescale; }
  [[nodiscard]] bool is_video() const {
    return codecs::kind_of(description.info.codec) == codecs::Kind::video;
  }
  [[nodiscard]] bool is_text() const { return codecs::kind_of(description.info.codec) == codecs::Kind::text; }
  // Timeline position of the first held unit. REQUIRES: !units.empty()
  [[nodiscard]] std::int64_t next() const { return units.front().unit.start + shift; }
  // False: a copy of it is held already.
  bool insert(Arrived arrived);
  // More is held than is allowed.
  [[nodiscard]] bool is_over(Microseconds span) const;
};

// What an input sent between two discontinuities.
struct Session {
  Session(std::uint64_t number, std::vector<TrackDescription> descriptions);

  TrackFeed* find(const std::string& key);
  [[nodiscard]] const TrackFeed* find(const std::string& key) const;
  TrackFeed* reference_feed() { return reference < tracks.size() ? &tracks[reference] : nullptr; }
  void add_segment_length(Microseconds length);
  [[nodiscard]] bool every_track_came() const;  // but subtitles, which nobody waits for
  // The end of what came of any track but subtitles.
  [[nodiscard]] std::optional<Microseconds> newest_end() const;
  // The other tracks, which are at `newest`, went on without it for longer than `patience`, of media or, if
  // nothing of it ever came, of time. Never subtitles.
  [[nodiscard]] bool is_silent(const TrackFeed& track, std::optional<Microseconds> newest,
                               Microseconds patience, Monotonic now) const;
  // When media that ends at `media_end` is here at the latest if it comes as before.
  [[nodiscard]] std::optional<Monotonic> expected(Microseconds media_end) const {
    return history.expected(media_end, period());
  }
  // Of nearly all recent segments; 0: they are not regular, or their units are frames.
  [[nodiscard]] Microseconds period() const;
  // UTC of a media time by the nearest EXT-X-PROGRAM-DATE-TIME at or before it.
  [[nodiscard]] std::optional<Utc> utc_of(Microseconds media) const;

  std::uint64_t serial;
  std::vector<TrackFeed> tracks;
  std::size_t reference;  // index of the track that would make the slots; tracks.size(): none can
  ArrivalHistory history;
  bool breaks = false;        // a discontinuity separates it from what the input sent before
  std::string break_reason;   // for StretchStarted
  bool over = false;          // nothing more will come
  std::uint32_t stretch = 0;  // that it has joined; 0: none
  std::uint32_t met = 0;      // the last one that it had joined
  // Its content lies elsewhere than the timeline's, though its GOPs begin where the timeline's do.
  bool misplaced = false;
  std::int64_t misplaced_by = 0;    // so much later than in the timeline, reference ticks
  std::int64_t content_offset = 0;  // of its last copies, reference ticks: so much later than in the timeline
  int offset_copies = 0;            // how many in a row
  std::int64_t content_shift = 0;   // by how much its last GOPs lie beside the timeline's, reference ticks
  int shifted_copies = 0;           // how many in a row
  // While it is misplaced: start of the last unit that was looked at again, and how many in a row fitted.
  std::optional<std::int64_t> looked_at;
  int fitting_copies = 0;
  bool is_askew = false;           // slots ended inside its GOPs while it had not joined
  std::uint64_t shown_digest = 0;  // what it holds comes after the content with it
  Monotonic opened;                // when it was announced
  std::optional<Monotonic> first_at;
  // Start of a run of reference units older than the timeline remembers.
  std::optional<std::int64_t> old_from;
  // What came of the open input segment, reference ticks; from > to: nothing yet.
  std::int64_t segment_from = std::numeric_limits<std::int64_t>::max();
  std::int64_t segment_to = std::numeric_limits<std::int64_t>::min();
  Microseconds longest_segment{0};
  std::deque<Microseconds> segment_lengths;  // the last few

  struct TimeMark {
    Microseconds media;
    Utc utc;
  };
  std::deque<TimeMark> marks;
};

struct Input {
  InputId id = 0;
  std::list<Session> sessions;  // oldest first; only the last receives
  bool ended = false;
  Microseconds segment_length{0};  // the longest of the last session that had one; 0: not known
  InputStatus status;
  struct Copy {
    std::int64_t position = 0;
    std::uint64_t digest = 0;
  };
  std::deque<Copy> copies;  // recent ones that were not needed and are other bytes than those used
  ArrivalLag lag;           // of the copies that were not needed
  // GOPs, less those that began where the timeline's do: `limit` is where it counts no further.
  int other_gops = 0;
};

// Equal in all that a player must be told anew: everything but bandwidths, which encoders that
// measure them rewrite with every playlist (S15 fixes them for the stretch).
bool same_media(const TrackDescription& a, const TrackDescription& b);
// Index of the first video track of the first variant, else of the first audio track, else size().
std::size_t pick_reference(const std::vector<TrackDescription>& tracks);

}  // namespace tarn::timeline
