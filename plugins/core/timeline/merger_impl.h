// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/timeline/merger.h"
#include "core/timeline/merger_feed.h"
#include "core/timeline/utc_watch.h"

// The merger's state and the steps of its loop. merger.cpp takes in what inputs send and runs the
// loop; merger_match.cpp decides what belongs where in time; merger_reference.cpp makes slots;
// merger_compare.cpp holds what both sent side by side, merger_misplaced.cpp finds what lies elsewhere;
// merger_slot.cpp fills and lists them; merger_patience.cpp knows how long their tracks are waited for;
// merger_repair.cpp takes what they lack and comes later; merger_stretch.cpp begins stretches.
namespace tarn::timeline {

// Of what was used, and of copies that were other bytes: what is compared.
constexpr std::size_t remembered_gops = 64;
constexpr std::size_t remembered_frames = 1'024;

// Came for a missing part that is not covered yet.
struct LateUnit {
  Arrived arrived;
  std::int64_t position = 0;
  InputId input = 0;

  [[nodiscard]] std::int64_t middle() const { return position + arrived.unit.duration / 2; }
  [[nodiscard]] std::int64_t end() const { return position + arrived.unit.duration; }
};

// Of a track whose units are no slots.
struct UsedCopy {
  std::int64_t position = 0;
  InputId input = 0;
  std::uint64_t digest = 0;
};

// A track of the running stretch.
struct TrackState {
  struct Range {
    std::int64_t start;
    std::int64_t end;
  };

  TrackId id = 0;
  std::string key;
  codecs::Kind kind = codecs::Kind::video;
  std::uint32_t timescale = 1;
  std::int64_t half_frame = 0;                                         // video, ticks; 0: unknown
  std::optional<std::int64_t> lead;                                    // video, as Unit::lead
  std::int64_t edge = 0;                                               // end of what is decided
  std::int64_t last_start = std::numeric_limits<std::int64_t>::min();  // of the last unit that was taken
  // Nothing decided lies directly before the edge: the beginning of a stretch, the end of a hole.
  bool broken = true;
  std::pair<InputId, std::uint64_t> source{};  // input and session that gave what lies before the edge
  // Video: of the unit that lies before the edge; 0: not known, as after a restart.
  std::uint64_t last_digest = 0;
  std::deque<Range> holes;          // recent ones: what comes for them is late
  std::deque<MissingPart> missing;  // recent ones, ascending
  std::deque<LateUnit> late;        // ascending
  struct Repaired {
    std::int64_t end = 0;
    InputId input = 0;
    std::uint64_t digest = 0;
  };
  std::optional<Repaired> repaired;  // what was last
  std::deque<UsedCopy> used;         // recent ones

  // How much later than its slots this track comes (merger_patience.cpp).
  struct Unreached {
    std::int64_t end = 0;  // ticks of the track: the slot has all of it when this has come
    Monotonic available;   // since when the slot could be used
  };
  std::deque<Unreached> unreached;    // recent slots, ascending
  std::deque<Microseconds> lateness;  // of recent slots

  // The part of the open slot.
  std::vector<std::shared_ptr<void>> payloads;
  std::vector<PartDecided::Detached> detached;
  std::int64_t part_start = 0;
  bool part_independent = true;
  InputId part_input = 0;
  bool has_part = false;  // emitted
  bool done = false;      // nothing more belongs to the open slot
  Monotonic came;         // text: when the last of it was taken, or could have been
};

struct OpenSlot {
  std::uint64_t number = 0;
  std::int64_t start = 0;
  std::int64_t end = 0;
  Monotonic available;      // since when it could be used
  Monotonic text_deadline;  // S17
  bool is_hole = false;
};

struct RecentSlot {
  std::int64_t start = 0;
  Monotonic at;       // arrival of the copy that was used
  Monotonic decided;  // when
  InputId input = 0;
  bool hole = false;
  std::uint64_t digest = 0;  // of the copy that was used
};

struct Running {
  Stretch stretch;
  std::vector<TrackState> tracks;  // ascending by id
  std::size_t reference = 0;
  std::int64_t slot_edge = 0;  // end of the last slot, reference ticks
  std::int64_t nominal = 0;    // length of the last slot that had content; 0: none yet
  std::uint64_t slots = 0;     // that were opened since this merger has run
  // When playlists with segments of the target duration grew last: with GOPs that are not equal, or of a
  // segment that was cut short, not with every slot.
  Monotonic grown_at;
  std::int64_t grown_to = 0;         // reference ticks
  Microseconds growth{0};            // how much media that was; 0: they have not grown yet
  Monotonic begun;                   // no slot's deadline counts from before
  std::optional<Monotonic> last_at;  // arrival of the last reference unit that was used
  std::uint64_t last_digest = 0;     // its
  Utc end_utc;                       // UTC of slot_edge
  // UTC counts from here: the start of the stretch, or where its mapping was set anew (semantics S13).
  Utc base_utc;
  std::int64_t base_time = 0;  // reference ticks
  bool closed = false;         // after StreamEnded: what follows needs a new stretch
  std::deque<RecentSlot> recent;

  [[nodiscard]] TrackState& ref() { return tracks[reference]; }
  [[nodiscard]] const TrackState& ref() const { return tracks[reference]; }
  // By how much earlier than pictures of the reference those of `track` are decoded that are shown with them,
  // its ticks.
  [[nodiscard]] std::int64_t earlier_than_reference(const TrackState& track) const;
  [[nodiscard]] Utc utc_of(std::int64_t time) const {
    return base_utc + to_microseconds(time - base_time, ref().timescale);
  }
};

// Whether an input can give what comes next in a track.
enum class Supply {
  ready,
  later,  // only what comes after it: it went on without it
  none,   // it holds nothing
};

struct Choice {
  std::optional<InputId> input;  // that gives what comes next
  bool wait = false;             // none yet, but somebody may
};

struct Merger::Impl {
  Impl(MergerSettings settings, Resume resume);

  // merger.cpp
  void set_tracks(InputId input, std::vector<TrackDescription> tracks);
  void set_program_date_time(InputId input, const std::string& key, std::int64_t time, Utc utc);
  void add(InputId input, const std::string& key, Unit unit, Utc now_utc);
  void segment_end(InputId input, const std::vector<std::string>& keys, Utc now_utc);
  void discontinuity(InputId input);
  void end_of_stream(InputId input);
  [[nodiscard]] InputStatus status(InputId input, Monotonic now) const;
  [[nodiscard]] bool is_late(const Session& session, Monotonic now) const;
  [[nodiscard]] bool is_far_ahead(const Session& session) const;
  void arrive(Monotonic now) { now_ = std::max(now_, now); }
  void process();
  bool end_if_over();
  void break_session(Input& input, std::vector<TrackDescription> tracks, std::string reason);
  void hold(Input& input, Session& session, TrackFeed& feed, Arrived arrived);
  void measure_segment(Input& input, Session& session) const;
  void observe_utc(Input& input, const Session& session, Utc now_utc);
  bool jumped_back(Session& session, const TrackFeed& feed, const Unit& unit) const;
  void wake_at(Monotonic when);

  // merger_match.cpp
  [[nodiscard]] bool compatible(const Session& session) const;
  [[nodiscard]] bool joined(const Session& session) const;
  Session* joined_session(InputId input);
  [[nodiscard]] std::optional<Monotonic> expected(const Session& session, Microseconds media_end) const;
  void join(Input& input, Session& session);
  void match(Input& input, Session& session, const Arrived& arrived);
  void match_all();
  [[nodiscard]] std::int64_t tolerance(const TrackState& track, const Unit& unit, bool same_source) const;
  [[nodiscard]] bool is_source(const TrackState& track, const Input& input, const Session& session) const;
  [[nodiscard]] bool crosses(const TrackFeed& feed) const;
  [[nodiscard]] bool approaching(const Session& session) const;
  [[nodiscard]] std::optional<std::int64_t> ahead(const Session& session) const;
  void trim(Input& input, Session& session, TrackState& track, TrackFeed& feed);
  void trim_added(Input& input, Session& session, TrackFeed& feed);
  // True: it is late.
  bool count_unneeded(Input& input, TrackState& track, const Arrived& arrived, std::int64_t position);
  Supply supply(Input& input, Session& session, TrackState& track);
  [[nodiscard]] std::size_t group_size(const Session& session, const TrackFeed& feed) const;
  bool outruns_active(const Input& input, const Session& session);
  bool awaited(InputId input, const TrackState& track, Microseconds media_end,
               std::optional<Monotonic> limit);
  Choice select(TrackState& track, Microseconds media_end, std::optional<Monotonic> limit);
  [[nodiscard]] std::array<InputId, input_count> preference() const;

  // merger_reference.cpp
  bool next_slot();
  void take_gop(InputId input, Monotonic available);
  void take_frame(InputId input);
  [[nodiscard]] Microseconds next_end() const;
  Monotonic available_at(InputId input, Microseconds media_end);
  std::string why_not_active(TrackState& track);
  bool bridge();
  bool make_hole(InputId input, Session& session, std::int64_t position);
  bool flush_reference();
  void open_slot(std::int64_t start, std::int64_t end, Monotonic available, bool hole);
  [[nodiscard]] std::int64_t grid_end(std::int64_t start) const;

  // merger_slot.cpp
  [[nodiscard]] bool is_detached(const TrackState& track, const Input& input, const Session& session,
                                 const Arrived& arrived) const;
  void take(TrackState& track, Input& input, Session& session);
  void emit_part(TrackState& track);
  bool fill_slot();
  bool fill(TrackState& track);
  bool segment_closes(TrackState& track, std::int64_t limit);
  std::optional<std::int64_t> next_position(TrackState& track);
  void list_slot();
  bool finish(TrackState& track);
  void add_hole(TrackState& track, std::int64_t start, std::int64_t end);
  [[nodiscard]] std::int64_t slack(const TrackState& track) const;
  [[nodiscard]] std::int64_t slot_end_in(const TrackState& track) const;

  // merger_patience.cpp
  void note_slot(TrackState& track, Monotonic available);
  void note_reached(TrackState& track, std::int64_t end, Monotonic at) const;
  [[nodiscard]] Microseconds patience(const TrackState& track);

  // merger_compare.cpp
  void compare(Input& input, const RecentSlot& used, const Arrived& copy, std::int64_t position);
  void compare_other(Input& input, const TrackState& track, const Arrived& copy, std::int64_t position);
  [[nodiscard]] static int enough_copies(codecs::Kind kind);
  [[nodiscard]] static const UsedCopy* used_at(const TrackState& track, std::int64_t position,
                                               std::int64_t tolerated);
  static bool note_content(TrackFeed& feed, std::uint64_t used, std::uint64_t copy);
  static void judge_content(Input& input, const Session& session);
  void measure_lag(Input& input, const RecentSlot& used, const Arrived& copy, std::int64_t position);
  void forget_lags();
  void note_bounds(Input& input, const Arrived& copy, std::int64_t position, bool fits) const;

  // merger_misplaced.cpp
  struct Beside {
    std::int64_t shift = 0;    // by how much later than the slot
    std::int64_t length = 0;   // of the slot, or of the one that would come next
    const RecentSlot* slot{};  // null: the one that would come next
  };
  [[nodiscard]] Beside beside(std::int64_t position) const;
  void remember_copy(Input& input, const Arrived& copy, std::int64_t position) const;
  void look_for_copies(InputId used_of, std::int64_t start, std::uint64_t digest);
  void look_for_shown(Input& input, const Arrived& copy, std::int64_t position);
  std::optional<std::int64_t> held_position(const Input& input, std::uint64_t digest);
  void note_offset(Input& input, std::int64_t offset);
  void note_shift(Input& input, const Arrived& copy, std::int64_t position, std::int64_t tolerated);
  static bool count_shift(Session& session, const Beside& nearest, std::int64_t duration,
                          std::int64_t tolerated);
  static void leave(Input& input, Session& session, std::int64_t offset);
  void look_again(Input& input, Session& session);
  bool gop_fits(Session& session, const Arrived& copy, std::int64_t position, std::int64_t tolerated);
  [[nodiscard]] bool frame_fits(const Arrived& copy, std::int64_t position, std::int64_t tolerated) const;
  [[nodiscard]] std::string misalignment(const Session& session) const;

  // merger_repair.cpp
  void note_missing(TrackState& track, std::int64_t from) const;
  void extend_missing(TrackState& track, std::int64_t next) const;
  [[nodiscard]] static bool is_missing(const TrackState& track, std::int64_t time);
  static void keep_late(TrackState& track, LateUnit unit);
  void forget_late(TrackState& track);
  void repair(TrackState& track);
  [[nodiscard]] bool is_detached_late(const TrackState& track, const LateUnit& unit) const;
  std::vector<std::size_t> cover(const TrackState& track, std::size_t missing, std::size_t unit) const;
  void decide_repaired(TrackState& track, std::size_t missing, std::size_t unit,
                       const std::vector<std::size_t>& counts);

  // merger_stretch.cpp
  void resume_stretch(Resume resume);
  bool begin_next_stretch();
  Session* candidate(Input& input);
  bool prepare(Input& input, Session& session);
  bool drop_shown_content(Input& input, Session& session, TrackFeed& feed) const;
  bool lets_active_go_first(const Input& input, const Session& session);
  void begin_stretch(Input& input, Session& session);
  std::string stretch_reason(Input& input, Session& session);
  static bool is_credible(Utc program_end, Utc arrival);
  static std::optional<Utc> program_utc(const Session& session);
  bool knows_utc(const Session& session);
  [[nodiscard]] Utc start_utc(const Session& session) const;
  void add_tracks(Input& input, Session& session);
  TrackId id_of(const std::string& key);
  void switch_to(InputId input, const std::string& reason);

  [[nodiscard]] Input& input_of(InputId id) { return inputs_[id]; }
  [[nodiscard]] Microseconds target() const { return settings_.target_duration; }
  // What the encoder really sends in one piece: the target duration, or its longest segment where that
  // is longer.
  [[nodiscard]] Microseconds pace(const Input& input) const;
  [[nodiscard]] Microseconds pace() const;  // of both
  [[nodiscard]] Microseconds margin() const;
  static std::string name_of(InputId input) { return "ingest" + std::to_string(input + 1); }

  MergerSettings settings_;
  std::array<Input, input_count> inputs_;
  std::optional<InputId> active_;
  std::optional<Running> running_;
  UtcWatch utc_watch_;
  std::optional<OpenSlot> slot_;
  std::uint64_t next_slot_ = 1;
  std::uint32_t next_stretch_ = 1;
  TrackId next_track_ = 1;
  std::map<std::string, TrackId> track_ids_;
  std::uint64_t next_session_ = 1;
  Monotonic now_;
  std::optional<Monotonic> first_unit_at_;
  std::optional<Monotonic> wake_;
  std::vector<Decision> decisions_;
};

}  // namespace tarn::timeline
