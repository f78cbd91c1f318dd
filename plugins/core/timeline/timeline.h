// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/codecs/stream_info.h"
#include "core/timeline/cut_list.h"
#include "core/timeline/found.h"
#include "core/timeline/packed_slots.h"
#include "core/timeline/slot.h"

// The timeline is what every manifest is computed from: stretches of continuous programme, made of
// slots (one GOP of the reference track each), made of one chunk per track. It only grows at its
// end and is trimmed at its start; what it says about a published slot never changes.
namespace tarn::timeline {

// How a variant of the multivariant playlist uses a track.
struct VariantUse {
  std::uint32_t variant = 0;            // position in the encoder's multivariant playlist
  std::uint64_t bandwidth = 0;          // bit/s as declared by the encoder; 0: not declared
  std::uint64_t average_bandwidth = 0;  // 0: not declared
  bool operator==(const VariantUse&) const = default;
};

// Closed captions inside of a video track, as EXT-X-MEDIA describes them.
struct Captions {
  std::string instream_id;  // "CC1" to "CC4" (CEA-608), "SERVICE1" to "SERVICE63" (CEA-708)
  std::string language;
  std::string name;
  bool is_default = false;
  bool is_autoselect = false;
  bool operator==(const Captions&) const = default;
};

// One track as an input announces it. Tracks of two inputs are the same track when `key` is equal:
// "v0", "v1"… for the video of variant 0, 1…; "a0"… for audio muxed into the variants or audio
// renditions, "t0"… for subtitles, in order of appearance. Never derived from file names.
struct TrackDescription {
  std::string key;
  codecs::StreamInfo info;
  std::string language;  // BCP 47 / ISO 639 as declared, or empty
  std::string name;      // EXT-X-MEDIA NAME, or empty
  bool is_default = false;
  bool is_autoselect = false;
  bool is_forced = false;            // subtitles
  std::string characteristics;       // EXT-X-MEDIA CHARACTERISTICS: comma-separated UTIs, or empty
  std::vector<Captions> captions;    // video
  std::vector<VariantUse> variants;  // ascending by variant
  bool operator==(const TrackDescription&) const = default;
};

struct Track {
  TrackId id = 0;
  TrackDescription description;
  std::uint32_t config = 0;  // number of the init section, counts up per track from 1
};

// A stretch of continuous programme with one set of tracks and parameters: a DASH Period, and in
// HLS what lies between two EXT-X-DISCONTINUITY tags. Stored; never changes.
struct Stretch {
  std::uint32_t id = 0;  // 1, 2, 3…
  std::uint64_t first_slot = 0;
  Utc start;                    // UTC of start_time (semantics S13)
  std::int64_t start_time = 0;  // in ticks of the reference track
  TrackId reference = 0;
  std::vector<Track> tracks;  // ascending by id

  [[nodiscard]] const Track* find(TrackId id) const;
  // Media time at which track `id` has the stretch's start: start_time in its own ticks.
  [[nodiscard]] std::int64_t start_in(TrackId id) const;
};

// What counts of a segment (semantics S4).
enum class Content {
  listed,    // as the segment was published
  archived,  // what came late as well, where the segment was published as a gap
};

// Where the mapping of media time to UTC was set anew inside of a stretch (semantics S13). Stored, so that
// a date that was published stays what it was when the slot is gone.
struct Anchor {
  std::uint64_t slot = 0;  // the first one that it applies to
  std::uint32_t stretch = 0;
  std::int64_t time = 0;  // start of the slot, ticks of the reference track
  Utc utc;
  bool operator==(const Anchor&) const = default;
};

// Dates that are computed in two ways differ by less; where they differ by more a clock was set (semantics
// S13).
constexpr Microseconds clock_step{1000};
inline bool is_clock_step(Utc expected, Utc date) {
  return date > expected + clock_step || date < expected - clock_step;
}

// How an endpoint cuts, from one position of the timeline on (semantics S7).
struct Generation {
  std::uint32_t number = 0;            // 1, 2, 3… per endpoint
  std::uint64_t from_slot = 0;         // first slot it applies to
  std::uint32_t segment_duration = 6;  // seconds
  std::uint32_t target_duration = 0;   // seconds; 0 until the first cut fixes it (semantics S6)
  // UTC of the first slot it cut, fixed with the first cut: start of its DASH Period where it begins inside
  // of a stretch (semantics S5). Unset before that.
  Utc start{};
  // Seconds between two keys of what it publishes; 0: its keys never change. All of a generation has the keys
  // of the period in which it starts: the first segment that starts in a later one begins the next.
  std::uint32_t key_period = 0;
  bool operator==(const Generation&) const = default;
};

// Of a track, what an endpoint has published of it in one stretch (semantics S15): of segments with it alone,
// in CMAF and in TS. Stored, because the segments go.
struct TrackRate {
  std::uint64_t through = 0;  // number of the last cut that is in it
  std::uint64_t cuts = 0;
  std::uint64_t peak_cmaf = 0;  // bit/s, the highest so far
  std::uint64_t peak_ts = 0;
  std::uint64_t bytes_cmaf = 0;  // of cuts that have something of it, and how long those are
  std::uint64_t bytes_ts = 0;
  std::uint64_t microseconds = 0;
  bool operator==(const TrackRate&) const = default;
};
using TrackRates = std::map<TrackId, TrackRate>;

// The cuts of one endpoint: all its generations, oldest first.
struct Presentation {
  std::string endpoint;  // id of the endpoint
  std::vector<Generation> generations;
  CutList cuts;  // contiguous numbers; closed segments only
  std::map<std::uint32_t, std::shared_ptr<const TrackRates>> rates{};  // by stretch

  [[nodiscard]] const Generation* find_generation(std::uint32_t number) const;
  // Whose key period is that of all that a generation has published; unset before its first cut.
  [[nodiscard]] Utc keyed_at(std::uint32_t generation) const;
  [[nodiscard]] Found<Cut> find_cut(std::uint64_t number) const;
};

// An immutable state of the timeline: any thread may hold and read it while the next is made.
// A new state shares with the one before all but what changes.
class Timeline {
 public:
  Utc availability_start;  // stored when the first stretch begins (semantics S5); MPD@availabilityStartTime
  std::map<std::uint32_t, std::shared_ptr<const Stretch>> stretches;
  std::map<std::uint64_t, Anchor> anchors;  // by slot
  std::map<std::string, std::shared_ptr<const Presentation>> presentations;
  std::optional<Utc> ended;  // ENDLIST came from the last living input (semantics S19)

  [[nodiscard]] bool empty() const { return slots_.empty(); }
  // Numbers of the oldest kept slot and one past the newest listed slot. REQUIRES: !empty()
  [[nodiscard]] std::uint64_t first_slot() const { return first_slot_; }
  [[nodiscard]] std::uint64_t end_slot() const { return first_slot_ + slots_.size(); }
  // What it returns refers to this timeline.
  [[nodiscard]] Found<SlotView> find(std::uint64_t number) const;
  [[nodiscard]] const Stretch* stretch(std::uint32_t id) const;
  [[nodiscard]] const Presentation* presentation(const std::string& endpoint) const;
  // What dates slot `number` of a stretch; none: the start of the stretch.
  [[nodiscard]] const Anchor* anchor_of(const Stretch& stretch, std::uint64_t number) const;

  // The same timeline with one more slot. REQUIRES: slot.number == end_slot() unless empty
  void append(Slot slot);
  // Content of a kept slot that came after the slot was listed without it (semantics S4): what was listed
  // does not change, who asks for what is archived gets it. null: none.
  [[nodiscard]] Found<Chunk> find_late(std::uint64_t slot, TrackId track) const;
  [[nodiscard]] bool has_late() const { return late_ != nullptr && !late_->empty(); }
  // All that came late in a slot, ascending by track; null: nothing.
  [[nodiscard]] const std::vector<Chunk>* late_chunks(std::uint64_t slot) const;
  // REQUIRES: the slot is kept and has nothing of the track
  void add_late(std::uint64_t slot, const Chunk& chunk);

  // REQUIRES: empty()
  void load(SlotList slots);
  // Forgets slots before `number`.
  void trim_before(std::uint64_t number);

 private:
  SlotList slots_;
  using LateChunks = std::map<std::uint64_t, std::vector<Chunk>>;
  std::shared_ptr<const LateChunks> late_;  // shared by all states between two repairs; null: none
  std::uint64_t first_slot_ = 0;
};

}  // namespace tarn::timeline
