// SPDX-License-Identifier: Apache-2.0
#pragma once

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
class ManifestBuilder {
 public:
  explicit ManifestBuilder(BuilderSettings settings) : settings_(std::move(settings)) {}

  // All tracks before the first chunk. `description.key` is made here when it is empty.
  Result<timeline::TrackId> add_track(timeline::TrackDescription description, Blob header);
  // Tracks that come together in TS segments, HLS only: one, or a video and an audio track in this order.
  // Audio that goes with a video is one variant with it; audio for itself goes with all videos, which then
  // have none of their own. The id is that of the first. Errors: unsupported, conflict
  Result<timeline::TrackId> add_multiplex(std::vector<timeline::TrackDescription> descriptions);
  // In decode order of its track. Errors: conflict (unknown track, or time goes back)
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
  // A chunk of `duration` ticks leaves segments without any of its track. Not where it makes the segments.
  [[nodiscard]] bool is_too_long(timeline::TrackId track, std::int64_t duration) const;
  // Whether a track is so far ahead of another one that its chunks should wait: what is held stays bounded.
  [[nodiscard]] bool is_ahead(timeline::TrackId track) const;
  // Ticks of a track with this timescale that may be held, at least. Generous, because a chunk may be a long
  // GOP.
  [[nodiscard]] std::int64_t most_held(std::uint32_t timescale) const {
    return (2 * std::int64_t{settings_.segment_duration} + 60) * timescale;
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
  };
  // What one file holds: a track, or a multiplex.
  struct Input {
    std::vector<timeline::Track> tracks;
    Blob header;  // empty: TS
    std::deque<Pending> chunks;
    std::optional<std::int64_t> end;  // of what came
    bool ended = false;

    [[nodiscard]] const timeline::Track& track() const { return tracks.front(); }
    [[nodiscard]] std::vector<timeline::TrackId> ids() const {
      std::vector<timeline::TrackId> ids;
      for (const timeline::Track& one : tracks) ids.push_back(one.id);
      return ids;
    }
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
  void begin(Utc now);
  void assign_variants();
  [[nodiscard]] std::size_t whole_segment() const;
  [[nodiscard]] bool is_waited_for(std::int64_t end) const;
  Status advance(Utc now);
  [[nodiscard]] std::int64_t next_start() const;
  [[nodiscard]] std::int64_t longest_end() const;
  [[nodiscard]] bool has_tail() const;
  [[nodiscard]] std::int64_t tail_end() const;
  [[nodiscard]] std::int64_t newest_end() const;
  void close_segment(std::size_t count, std::int64_t end, Utc now);
  std::vector<Pending> take_part(Input& input, std::size_t count, std::int64_t end);
  static std::optional<timeline::Chunk> chunk_of(const std::vector<Pending>& part, std::size_t track);
  void write_segment(const timeline::Cut& cut);
  void write_header(const Input& input, std::uint32_t generation);
  Status write_manifests();
  void delete_old();
  [[nodiscard]] timeline::OutputSettings output() const;
  [[nodiscard]] timeline::Window window() const;
  [[nodiscard]] std::string segment_file(const timeline::Cut& cut, const Input& input) const;

  BuilderSettings settings_;
  std::map<timeline::TrackId, Input> inputs_;  // by the first of its tracks
  timeline::TrackId reference_ = 0;
  bool begun_ = false;
  timeline::Timeline timeline_;
  std::optional<archive::EndpointDraft> endpoint_;
  std::uint64_t next_slot_ = 1;
  std::uint64_t next_serial_ = 1;
  std::map<std::uint64_t, std::map<timeline::TrackId, std::vector<Blob>>>
      bytes_;  // of slots without a file yet, by input
  std::size_t cuts_written_ = 0;
  std::size_t cuts_deleted_ = 0;
  std::set<std::pair<timeline::TrackId, std::uint32_t>> headers_;  // written, by generation
  std::vector<FileAction> actions_;
};

}  // namespace tarn::manifest
