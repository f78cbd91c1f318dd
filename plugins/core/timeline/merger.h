// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/timeline/timeline.h"

// The hitless merge of two inputs into one timeline (semantics S1, S2, S4, S13, S18, S19):
// a state machine with time as an argument. It never looks into media; it knows times and keeps
// opaque payloads until it says where they belong.
namespace tarn::timeline {

using InputId = std::uint32_t;  // 0: primary, 1: backup

// Video: one GOP as it came (complete; begins with a sync sample unless `sync` is false).
// Audio: one frame. Times in ticks of the track, unwrapped.
struct Unit {
  std::int64_t start = 0;  // decode time
  std::int64_t duration = 0;
  bool sync = true;
  std::shared_ptr<void> payload;
  // Of the content: copies of both inputs with other digests are not the same bytes. 0: not known.
  std::uint64_t digest = 0;
  // Video: how much later than it is decoded its sync sample is shown. Renditions whose encoders reorder by
  // other numbers of pictures are decoded at other times, and belong together where they are shown.
  std::int64_t lead{};
};

struct MergerSettings {
  Microseconds target_duration{6'000'000};  // the channel's segment duration
};

// What a listed slot lacks of a track and what may still come for it (S4), ticks of the track.
struct MissingPart {
  std::uint64_t slot = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t slot_end = 0;
  bool operator==(const MissingPart&) const = default;
};

// Where the archive left off, so that a restarted merger goes on without a seam.
struct Resume {
  std::uint64_t next_slot = 1;
  std::uint32_t next_stretch = 1;
  std::optional<Stretch> last_stretch;                  // none: nothing was ever archived
  std::vector<std::pair<TrackId, std::int64_t>> edges;  // end of the last chunk of each track
  std::int64_t slot_end = 0;                            // end of the last slot, reference ticks
  Utc slot_end_utc;
  bool ended = false;  // StreamEnded came after it: what follows needs a new stretch (S19)
  // Of last_stretch, by track, ascending.
  std::map<TrackId, std::vector<MissingPart>> missing{};
  // Every track key ever archived: an id is never used for another key. Those of last_stretch are
  // known without being named here, and no id that `edges` names is given away.
  std::vector<std::pair<std::string, TrackId>> track_ids;
};

// What the merger decides, in the order in which it must be carried out.
struct StretchStarted {
  Stretch stretch;     // track ids assigned; Track::config 0 (the archive numbers init sections)
  std::string reason;  // "first content", "discontinuity in ingest1", "outage of 12.0 s", "tracks changed"
};
// The payloads of one track's part of one slot, in order: this becomes one chunk.
struct PartDecided {
  std::uint64_t slot = 0;
  TrackId track = 0;
  InputId input = 0;  // that gave the first payload
  std::int64_t start = 0;
  bool independent = true;
  std::vector<std::shared_ptr<void>> payloads;
  // Of video: those whose predecessor in the track is not what their input sent before them, to the byte
  // (semantics S35). What of them refers to that cannot be decoded. Ascending.
  struct Detached {
    std::size_t payload = 0;  // index
    InputId input = 0;        // that sent it
    bool operator==(const Detached&) const = default;
  };
  std::vector<Detached> detached{};
};
// The slot is whole, or its deadline has passed: it is listed now (S18).
struct SlotListed {
  std::uint64_t number = 0;
  std::uint32_t stretch = 0;
  std::int64_t start = 0;
  std::int64_t end = 0;
  Utc utc;
  std::vector<TrackId> missing;
};
// S4: came after its slot had been listed without it, and covers what is missing there.
struct PartRepaired {
  PartDecided part;
};
struct InputSwitched {
  InputId from = 0;
  InputId to = 0;
  std::int64_t media_time = 0;  // reference ticks
  std::string reason;
};
struct StreamEnded {};  // S19: ENDLIST of the last living input
using Decision =
    std::variant<StretchStarted, PartDecided, SlotListed, PartRepaired, InputSwitched, StreamEnded>;

enum class InputState { never_seen, live, late, stalled, ended };
struct InputStatus {
  InputState state = InputState::never_seen;
  Monotonic last_arrival;
  std::uint64_t units = 0;
  std::uint64_t duplicates = 0;  // copies that were not needed
  std::uint64_t used = 0;        // copies that were published
  std::uint64_t late = 0;        // came after their slot was closed
  std::uint64_t repaired = 0;    // of these, what filled a listed slot that was without it (S4)
  // Arrival of this input behind the other's, last common unit; none while either is silent.
  std::optional<Microseconds> drift;
  std::uint64_t discarded = 0;  // no sync sample before it, impossible times, or kept aside for too long
  // Its times or tracks do not match the timeline: it can take over only with a new stretch.
  bool misaligned = false;
  std::string misalignment;  // why, for people; empty: aligned
  // Its last GOPs of a video track lie where the other input's do, and are other bytes: a switch is seamless
  // in time, but may be seen.
  bool different_content = false;
  // Its last GOPs do not begin or end where the other input's do: a switch at most of its moments costs up to
  // a GOP.
  bool different_gops = false;
  // Its GOPs come later than the other input's by more than the margin, segment after segment: a switch to it
  // would keep viewers waiting. Of the active input: by so much more than when it began; it will be left.
  bool lagging = false;
  // Keys of tracks that it announced and does not send, though it sends others: the other input's are used.
  std::vector<std::string> silent_tracks;
  // Segments without a sync sample at their beginning came in the present session (S1: OPEN_SEGMENTS).
  bool open_segments = false;
  // The date that its playlist gave for the last stretch it began, or since then for its last segment while
  // it was in use, was not credible (S13: PDT_REJECTED).
  bool pdt_rejected = false;
};

// The rules in one place; E is the end of what is decided of the reference. T is the target duration;
// where it measures patience with an input (3 T of silence, outages, what is held and remembered), the
// longest segment that the inputs sent counts in its place if it is longer. The grid and the margin
// below take the target duration as it is set.
//
// Reference: the first video track of the first variant, whose GOPs are the slots; without video the
// first audio track, cut at the frame boundary nearest to each multiple of T.
//
// Preference: the active input gives whatever comes next as soon as it has it. The other's copy is
// used when the active one ended, was restarted, or went on without it, and else when it is not there
// at expected + max(0.5 s, 0.3 T), expected being media end + the greatest (arrival - media end)
// of its recent units, of those at the same place in their segments where these are regular. An active input
// that falls behind little by little is always in time by that: it is left when the other's copy has been
// here for longer than when this began by a segment, and before playlists, which grow by T or more at a time,
// have not grown for 1.45 times that. A track that the active input has stopped sending is not waited for
// where the other has it. Nobody fails back by itself.
//
// A slot is held for tracks that are no reference for as long, from when it could be used; longer, by what
// they are always late by, where an encoder's files of sound end later than those of its pictures.
//
// Matching is by media time: a session of an input (all between two discontinuities) joins the
// stretch when one of its units begins at E or where a recent slot began, within
// min(20 ms, half a frame, GOP / 8); what joins is shifted by the difference, so that it continues
// to the tick. A session that begins with a discontinuity joins only where the timeline went on
// without one. What does not join is kept aside, bounded, and needs a new stretch to be used. So does
// a session three of whose GOPs in a row were the timeline's of another time, by the same distance; it
// comes back when eight in a row are the timeline's again, within half of that (audio-only: a second of
// frames).
//
// Holes of up to 3 T keep slot numbers (S4), beyond is an outage and a new stretch. A hole of less
// than half a GOP (dropped frames) belongs to the slot that follows.
//
// What a listed slot lacks of a track may come later, from either input: once it is covered from end to end
// it is decided as a PartRepaired. GOPs and frames go to the slot in which their middle lies. Slots that
// have something of the track are not added to.
//
// Audio goes frame by frame from where its last part ended to the last frame that starts before the
// slot's end, or to where the active input's segment ended when that is at most min(0.5 s, half the
// slot) before it. A part is contiguous: what follows a hole inside a slot begins the next part when it
// is that near to the slot's end, and is given up otherwise.
class Merger {
 public:
  Merger(MergerSettings settings, Resume resume);
  ~Merger();
  Merger(Merger&&) noexcept;
  Merger& operator=(Merger&&) noexcept;

  // The tracks an input carries from its next unit on. A change of the set or of a track's
  // parameters begins a new stretch when that input's next unit is used.
  void set_tracks(InputId input, std::vector<TrackDescription> tracks);

  // UTC of media time `time` (ticks of `track`) as the input's playlist says (EXT-X-PROGRAM-DATE-TIME).
  void set_program_date_time(InputId input, const std::string& track_key, std::int64_t time, Utc utc);

  // The next unit of a track, in decode order within its input.
  void add(InputId input, const std::string& track_key, Unit unit, Monotonic now, Utc now_utc);

  // An input segment is over: what it carried of these tracks is all there (S1, S2).
  void segment_end(InputId input, const std::vector<std::string>& track_keys, Monotonic now, Utc now_utc);

  // The input's timestamps are not continuous with what it sent before (EXT-X-DISCONTINUITY, encoder
  // restart, timestamp jump): its next unit begins a new stretch when it is used.
  void discontinuity(InputId input, Monotonic now);

  // EXT-X-ENDLIST.
  void end_of_stream(InputId input, Monotonic now, Utc now_utc);

  // Deadlines that are set from now on count with it, and audio-only slots are made by it.
  void set_target_duration(Microseconds target_duration);

  // Lets time pass: deadlines that `now` has reached are decided.
  void advance(Monotonic now, Utc now_utc);
  // When advance() must be called next at the latest.
  [[nodiscard]] std::optional<Monotonic> deadline() const;

  // Decisions since the last call.
  std::vector<Decision> take();

  [[nodiscard]] std::optional<InputId> active() const;
  // As of the last call with a time, or of `now`: nothing that comes is what makes an input late or stalled.
  [[nodiscard]] InputStatus status(InputId input) const;
  [[nodiscard]] InputStatus status(InputId input, Monotonic now) const;
  // End of the reference track's decided content, 90 kHz: an input that starts anew unwraps its
  // 33-bit timestamps to the value nearest to it, so that both inputs agree.
  [[nodiscard]] std::optional<std::int64_t> edge_90k() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::timeline
