// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/archive/endpoint_draft.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/timeline/output.h"
#include "core/timeline/window.h"

namespace tarn::manifest {

struct BuilderSettings {
  timeline::Protocol protocol = timeline::Protocol::hls_cmaf;  // or dash; hls where the tracks are TS
  std::string manifest_name = "manifest";
  std::uint32_t segment_duration = 6;                          // seconds
  std::uint32_t window = 0;                                    // segments in a live manifest; 0: all
  timeline::Window::Kind kind = timeline::Window::Kind::live;  // HLS: event and vod say so
  bool deletes = false;                                        // names those that no manifest has any more
  std::optional<std::uint32_t> program_date_time_interval;     // seconds
  std::string time_url;                                        // DASH: UTCTiming; empty: none
};

// What is to be done, in this order: media before the manifests that name it, deletions last.
struct FileAction {
  std::string name;
  std::string content_type;
  std::vector<Blob> parts;
  bool is_deletion = false;
};

// What a TS segment has of one of its tracks, in ticks of the track.
struct Share {
  std::int64_t start = 0;
  std::int64_t duration = 0;
  std::size_t size = 0;  // 0: nothing of it
};

// From CMAF chunks or TS segments of some tracks to the files of an HLS or DASH presentation: segments,
// headers and manifests, by the same timeline and the same renderers as the server's. Pure: time is an
// argument, files are named and not written. One thread at a time.
//
// The first video track makes the segments, without video the first track: a segment ends with the first
// chunk that makes it long enough, and holds of the other tracks the chunks that begin in it. TS segments are
// chunks in this sense: several can follow each other in a file. Bytes are held until their segment is whole.
//
// Of live tracks it is known what is due: what has not come by then is not waited for, and is dropped when it
// comes after all. While the track that makes the segments has nothing for longer than a segment, the others
// make segments without it.
//
// Where parameters change or times begin anew, and behind a hole of ten segments in which nobody has
// anything, a stretch begins: a discontinuity, a Period. Its tracks are the same.
class ManifestBuilder {
 public:
  explicit ManifestBuilder(BuilderSettings settings) : settings_(std::move(settings)) {}

  // All tracks before the first chunk. `description.key` is made here when it is empty.
  Result<timeline::TrackId> add_track(timeline::TrackDescription description, Blob header);
  // Tracks that come together in TS segments, HLS only: one, or a video and an audio track in this order.
  // Audio that goes with a video is one variant with it; audio for itself goes with all videos, which then
  // have none of their own. The id is that of the first. Errors: unsupported, conflict
  Result<timeline::TrackId> add_multiplex(std::vector<timeline::TrackDescription> descriptions);
  // The next chunk of the input whose first track this is has other parameters, and of CMAF another header.
  // `infos`: of its tracks. Errors: unsupported (another codec or timescale)
  Status change_input(timeline::TrackId first, const std::vector<codecs::StreamInfo>& infos, Blob header);
  // An encoder began anew: times from the next chunk on have nothing to do with those before. What the other
  // tracks still have of the time before comes first. Times that go back say the same.
  void begin_anew(timeline::TrackId first);
  // In decode order of its track. Errors: conflict (unknown track, or a time below zero)
  Status add_chunk(timeline::TrackId track, std::int64_t start, std::int64_t duration, bool independent,
                   std::vector<Blob> parts, Utc now);
  // `first`: of the multiplex; `shares` are of its tracks, in their order. The first has a start and a
  // duration even if it has no bytes: they are the segment's.
  Status add_multiplexed(timeline::TrackId first, std::vector<Share> shares, bool independent,
                         std::vector<Blob> parts, Utc now);
  // Nothing of this track comes before `time`, ticks of the track: a gap.
  Status advance_track(timeline::TrackId track, std::int64_t time, Utc now);
  // Nothing more comes of this track: nothing is waited for.
  Status end_track(timeline::TrackId track, Utc now);
  // Live: what begins before `time`, nanoseconds of media time, should have come by now. Does not go back;
  // what follows from it, follows with the next chunk.
  // `allowance`, nanoseconds: by how much a track may be behind the foremost before that.
  void set_due(std::int64_t time, std::int64_t allowance = 0) {
    due_ = std::max(due_.value_or(time), time);
    allowance_ = allowance;
  }
  // How far the foremost input has come, nanoseconds of media time.
  [[nodiscard]] std::optional<std::int64_t> foremost() const;
  // A segment was closed without waiting for what this track may have in it, and nothing has come since.
  [[nodiscard]] bool is_missing(timeline::TrackId track) const;
  // It has come to where times begin anew, and waits for the others.
  [[nodiscard]] bool has_begun_anew(timeline::TrackId track) const;
  // Chunks of it that came when their segment had been closed.
  [[nodiscard]] std::uint64_t dropped(timeline::TrackId track) const;
  // A chunk of `duration` ticks leaves segments without any of its track. Not where it makes the segments.
  [[nodiscard]] bool is_too_long(timeline::TrackId track, std::int64_t duration) const;
  // The other track that this one is so far ahead of that its chunks should wait: what is held stays bounded.
  [[nodiscard]] std::optional<timeline::TrackId> waits_for(timeline::TrackId track) const;
  // Ticks of a track with this timescale that may be held, at least. Generous, because a chunk may be a long
  // GOP.
  [[nodiscard]] std::int64_t most_held(std::uint32_t timescale) const {
    return (2 * std::int64_t{settings_.segment_duration} + 60) * timescale +
           rescale(allowance_, 1'000'000'000, timescale);
  }
  // Nothing more comes at all; the manifests say so.
  Status finish(Utc now);

  std::vector<FileAction> take() { return std::exchange(actions_, {}); }

 private:
  struct Pending {
    std::int64_t start = 0;
    std::int64_t duration = 0;
    bool independent = true;
    std::vector<Blob> parts;
    std::vector<Share> shares;  // of the input's tracks
    std::uint32_t config = 1;
    std::uint32_t epoch = 0;
  };
  // What the tracks of an input are from some chunk on.
  struct Config {
    std::vector<codecs::StreamInfo> infos;
    Blob header;  // empty: TS
  };
  // What one file holds: a track, or a multiplex.
  struct Input {
    std::vector<timeline::Track> tracks;  // as they are in the newest stretch
    std::map<std::uint32_t, Config> configs{};
    std::deque<Pending> chunks{};
    std::optional<std::int64_t> end{};  // of what came
    // Of chunks behind a restart, which wait until all have come to it.
    std::deque<Pending> next{};
    std::uint32_t epoch = 0;  // of the next chunk
    bool ended = false;
    bool missing = false;
    std::uint64_t dropped = 0;

    // Nothing more comes in this epoch.
    [[nodiscard]] bool is_over() const { return ended || !next.empty(); }
    [[nodiscard]] bool is_ts() const { return configs.begin()->second.header.empty(); }
    [[nodiscard]] const timeline::Track& track() const { return tracks.front(); }
    [[nodiscard]] std::vector<timeline::TrackId> ids() const {
      std::vector<timeline::TrackId> ids;
      for (const timeline::Track& one : tracks) ids.push_back(one.id);
      return ids;
    }
  };

  // The segment to be closed next.
  struct Next {
    std::size_t count = 0;  // chunks of the reference; 0: it has nothing there
    std::int64_t end = 0;   // reference ticks
    bool is_last = false;
    bool is_jump = false;  // no segment: nobody has anything until `end`
  };

  [[nodiscard]] const Input& reference() const { return inputs_.at(reference_); }
  [[nodiscard]] std::uint32_t timescale(const Input& input) const {
    return input.track().description.info.timescale;
  }
  timeline::Track make_track(timeline::TrackDescription description) const;
  timeline::TrackId add_input(Input input);
  [[nodiscard]] bool has_muxed() const;
  [[nodiscard]] std::size_t track_count() const;
  Status add(Input& input, Pending chunk, Utc now);
  void forget_oldest(Input& input);
  void begin(Utc now);
  void begin_stretch(Utc start, std::int64_t start_time);
  [[nodiscard]] bool has_change(const Next& next) const;
  [[nodiscard]] Utc date_of(std::int64_t time) const;
  bool begin_next_epoch(Utc now);
  [[nodiscard]] const timeline::Stretch& stretch() const { return *timeline_.stretch(stretch_); }
  void assign_variants();
  [[nodiscard]] std::size_t whole_segment() const;
  [[nodiscard]] std::optional<Next> next_segment() const;
  [[nodiscard]] std::optional<Next> next_without() const;
  [[nodiscard]] std::int64_t ticks(std::int64_t time, const Input& input) const {
    return rescale(time, timescale(reference()), timescale(input));
  }
  [[nodiscard]] std::int64_t wanted(const Input& input) const {
    return std::int64_t{settings_.segment_duration} * timescale(input);
  }
  [[nodiscard]] bool is_silent(const Input& input) const;
  [[nodiscard]] bool is_awaited(const Input& input, std::int64_t until) const;
  [[nodiscard]] bool is_waited_for(const Next& next) const;
  void note_missing(const Next& next);
  Status advance(Utc now);
  [[nodiscard]] std::optional<std::int64_t> first_of_others() const;
  [[nodiscard]] std::int64_t next_start() const;
  [[nodiscard]] std::int64_t longest_end() const;
  [[nodiscard]] std::optional<std::int64_t> jump() const;
  void forget_configs();
  [[nodiscard]] std::int64_t tail_end() const;
  [[nodiscard]] std::int64_t newest_end() const;
  void close_segment(const Next& next, Utc now);
  std::vector<Pending> take_part(Input& input, std::size_t count, std::int64_t end);
  static std::optional<timeline::Chunk> chunk_of(const std::vector<Pending>& part, std::size_t track);
  void write_segment(const timeline::Cut& cut);
  void write_header(const timeline::Cut& cut, const Input& input);
  Status write_manifests();
  void delete_old();
  [[nodiscard]] timeline::OutputSettings output() const;
  [[nodiscard]] timeline::Window window() const;
  [[nodiscard]] std::string segment_file(const timeline::Cut& cut, const Input& input) const;

  BuilderSettings settings_;
  std::map<timeline::TrackId, Input> inputs_;  // by the first of its tracks
  timeline::TrackId reference_ = 0;
  bool begun_ = false;
  bool was_without_ = false;         // the last segment, the reference
  std::optional<std::int64_t> due_;  // nanoseconds
  std::int64_t allowance_ = 0;
  timeline::Timeline timeline_;
  std::optional<archive::EndpointDraft> endpoint_;
  std::uint64_t next_slot_ = 1;
  std::uint64_t next_serial_ = 1;
  std::map<std::uint64_t, std::map<timeline::TrackId, std::vector<Blob>>>
      bytes_;  // of slots without a file yet, by input
  std::size_t cuts_written_ = 0;
  std::size_t cuts_deleted_ = 0;
  std::uint32_t stretch_ = 0;
  std::uint32_t epoch_ = 0;
  std::set<std::string> headers_;  // written
  std::vector<FileAction> actions_;
};

}  // namespace tarn::manifest
