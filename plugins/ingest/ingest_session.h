// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/timeline/timeline.h"
#include "ingest/object_answer.h"
#include "ingest/object_kind.h"
#include "ingest/push_session.h"
#include "ingest/segment_timing.h"
#include "ingest/subtitle_lane.h"
#include "ingest/track_naming.h"

namespace tarn::ingest {

// What an input has to say, in the order in which it must be passed on.
struct SessionBegan {  // a discontinuity: what follows is not continuous with what came before
  std::uint64_t session = 0;
};
struct TracksKnown {  // all tracks, from the next run on
  std::vector<timeline::TrackDescription> tracks;
};
struct TimelineBegan {     // before the first run of a session
  std::int64_t start = 0;  // 90 kHz; no track begins before
};
struct ProgramTimeKnown {
  std::string key;
  std::int64_t time = 0;  // ticks of the track
  Utc utc;
};
// One GOP of video, or the audio frames of a segment. Units lie back to back in `data`.
struct UnitRun {
  std::string key;
  Blob data;
  std::vector<TimedUnit> units;
  std::shared_ptr<const void> ticket{};       // of the object they came in
  std::vector<codecs::PlacedEvent> events{};  // by unit of this run; ticks of the track
};
struct SegmentOver {
  std::vector<std::string> keys;
  std::uint64_t media_sequence = 0;
};
struct ListOver {};
using Output =
    std::variant<SessionBegan, TracksKnown, TimelineBegan, ProgramTimeKnown, UnitRun, SegmentOver, ListOver>;

struct IngestStatistics {
  std::uint64_t segments = 0;  // passed on
  std::uint64_t gaps = 0;      // places in a playlist that stayed empty
  std::uint64_t late = 0;      // of these, filled afterwards
  std::uint64_t refused = 0;
  std::uint64_t repeated = 0;  // uploads under a name that was known
  std::uint64_t discontinuities = 0;
  std::uint64_t continuity_errors = 0;
  std::uint64_t damaged_packets = 0;
  std::uint64_t dropped_units = 0;  // after a jump in the middle of a segment, or without parameters
  std::uint64_t events = 0;         // timed metadata that was passed on
  std::uint64_t bitrate = 0;        // of the latest segments, all playlists together, bit/s
  Microseconds target_duration{};   // the longest that its playlists announce
  std::string last_segment;
  std::string last_error;
};

// One input from uploaded objects to timed access units: demuxes, names the tracks, and keeps the
// sessions of all playlists together. No clock, no threads; time is an argument.
//
// A session is what lies between two discontinuities. At its beginning nothing is passed on until the
// first segment of every playlist is there, so that all tracks are known at once; a playlist that
// lets the others wait for more than 1.5 target durations is left out and announced when it comes.
class IngestSession {
 public:
  explicit IngestSession(ObjectShelf::Limits limits = {}, std::uint64_t first_session = 0)
      : push_(limits), session_(first_session) {}

  // Everything that is made of a segment holds on to its `ticket`.
  ObjectAnswer put(std::string_view path, const Blob& content, Monotonic now,
                   std::shared_ptr<const void> ticket = {});
  void set_replaying(bool replaying) { push_.set_replaying(replaying); }
  // Segments of other containers are refused.
  void set_container(Container container) { container_ = container; }
  // Segments that come after their turn was given up are passed on all the same, with times that go back
  // (semantics S4); else they are dropped.
  void set_repairing(bool repairing) { repairing_ = repairing; }
  // Retention is not the encoder's business: accepted, and nothing happens.
  static ObjectAnswer remove(std::string_view path);
  // This media playlist is all of the stream (PushSession::use_single_playlist).
  void use_single_playlist(const std::string& path) { push_.use_single_playlist(path); }
  // Names are never used for other content, as in a folder that is read once: contents are not compared.
  void trust_names() { trusts_names_ = true; }
  void advance(Monotonic now);
  // When advance() will find something to do although nothing has come.
  [[nodiscard]] std::optional<Monotonic> deadline() const { return push_.deadline(); }
  // Nothing more will come: nothing is waited for.
  void settle(Monotonic now);

  // What can be said now; call until it is empty.
  std::optional<Output> next();
  // The 90 kHz position that 33-bit timestamps unwrap to. Heard between SessionBegan or TracksKnown and
  // the first run of a session, ignored later.
  void set_timeline_edge(std::int64_t edge) { timeline_edge_ = edge; }

  [[nodiscard]] std::uint64_t session() const { return session_; }
  [[nodiscard]] const PushSession& playlists() const { return push_; }
  [[nodiscard]] IngestStatistics statistics() const;

 private:
  struct Lane {                          // one media playlist of the stream
    std::optional<OrderedSegment> head;  // its turn has come, it is not passed on yet
    bool breaks = false;                 // head begins a new session
    bool break_pending = false;          // so does the next segment
    int break_ignored_for = 0;           // segments; the session it would begin has begun without it
    Microseconds skipped{};              // programme that is missing before the head
    Layout layout;
    std::map<std::uint32_t, StreamClock> clocks;  // by ElementaryStream::id
    std::uint64_t passed = 0;
    std::uint64_t bitrate = 0;
    // Of subtitles:
    SubtitleLane subtitles;
    std::uint64_t text_session = 0;  // that the last file was passed on in
    Monotonic head_since;
  };
  struct Span {  // 90 kHz
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::vector<std::int64_t> sync_times;  // where slots may be cut
  };

  ObjectAnswer put_segment(ObjectKind kind, std::string_view path, const Blob& content, Monotonic now,
                           std::shared_ptr<const void> ticket);
  ObjectAnswer put_fragments(std::string_view path, UploadedSegment segment, const Blob& content);
  ObjectAnswer put_subtitles(UploadedSegment segment, const Blob& content);
  ObjectAnswer put_header(std::string_view path, const Blob& content);
  void take_findings(const codecs::MediaSegment& media);
  [[nodiscard]] Result<std::shared_ptr<const isobmff::MovieHeader>> header_for(
      const OrderedSegment& segment) const;
  [[nodiscard]] Result<codecs::MediaSegment> demux_object(const OrderedSegment& segment) const;
  void refuse_later(const UploadedSegment& object, const Error& error);
  bool demux(OrderedSegment& segment);
  bool read_text(OrderedSegment& segment);
  bool step();
  void follow_structure();
  void fill(std::size_t playlist);
  [[nodiscard]] static bool is_jump(const Lane& lane);
  [[nodiscard]] static bool is_at_beginning(const Lane& lane, bool begun);
  bool begin_when_ready();
  void begin_session();
  void announce();
  bool pass_next();
  void begin_timeline();
  void pass(std::size_t playlist);
  bool pass_stream(std::size_t playlist, const codecs::ElementaryStream& stream,
                   const OrderedSegment& segment, bool with_program_time);
  void pass_units(std::size_t playlist, const codecs::ElementaryStream& stream, const OrderedSegment& segment,
                  bool with_program_time);
  void pass_runs(std::size_t playlist, const codecs::ElementaryStream& stream, const OrderedSegment& segment,
                 const std::vector<TimedUnit>& units);
  bool end_list();
  // ingest_late.cpp
  bool pass_late();
  void pass_late(std::size_t playlist, const OrderedSegment& segment);
  [[nodiscard]] bool goes_with(const Lane& lane, const codecs::MediaSegment& media) const;
  // ingest_subtitles.cpp
  [[nodiscard]] bool is_text(std::size_t playlist) const;
  void remember_span(std::size_t playlist, const OrderedSegment& segment);
  void fill_text(std::size_t playlist);
  [[nodiscard]] std::optional<Span> place_of(const Lane& lane) const;
  bool pass_text();
  [[nodiscard]] const TrackSource* source_of(std::size_t playlist, std::uint32_t id) const;
  [[nodiscard]] Microseconds patience() const { return push_.target_duration() * 3 / 2; }

  PushSession push_;
  Monotonic now_;
  bool settled_ = false;
  bool trusts_names_ = false;
  bool repairing_ = false;
  Container container_ = Container::any;
  std::uint64_t objects_ = 0;
  std::uint64_t revision_ = 0;
  std::vector<ObjectName> names_;  // of the lanes
  std::vector<Lane> lanes_;
  TrackNaming naming_;
  std::vector<TrackSource> sources_;
  std::vector<timeline::TrackDescription> announced_;
  std::deque<Output> outputs_;
  std::uint64_t session_;
  bool begun_ = false;
  bool structure_changed_ = false;          // and the new playlists have not been waited for
  std::optional<Monotonic> waiting_since_;  // for other playlists' first segments
  std::optional<std::int64_t> edge_;        // of this session, 90 kHz
  std::optional<std::int64_t> timeline_edge_;
  bool list_over_ = false;
  std::map<std::uint64_t, Span> spans_;   // of the reference playlist's segments, by media sequence number
  std::vector<std::int64_t> sync_times_;  // of the reference segment that is being passed on
  std::int64_t text_origin_ = 0;
  IngestStatistics statistics_;
};

}  // namespace tarn::ingest
