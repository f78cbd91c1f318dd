// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "ingest/object_answer.h"
#include "ingest/object_shelf.h"
#include "ingest/playlist_follower.h"
#include "ingest/stream_structure.h"

namespace tarn::ingest {

// The playlists and segments of one input, in whatever order an encoder uploads them; what comes out
// is the structure of the stream and, per media playlist, its segments in order. It does not look
// into media. Time is an argument. One thread at a time.
//
// A stream is what the multivariant playlist says. A media playlist that none names within 1.5 target
// durations of its first complete segment becomes the only variant (semantics S21).
class PushSession {
 public:
  explicit PushSession(ObjectShelf::Limits limits = {}) : shelf_(limits) {}

  // REQUIRES: check_object_path(path)
  ObjectAnswer put_playlist(const std::string& path, std::string_view text, Monotonic now);
  ObjectAnswer put_segment(UploadedSegment segment, Monotonic now);
  // What EXT-X-MAP names. `number`: see HeaderShelf
  ObjectAnswer put_header(const std::string& path, std::uint64_t digest, std::uint64_t number,
                          HeaderShelf::Header header, Monotonic now);

  // This media playlist is all of the stream: whoever says so knows that no multivariant playlist will come.
  void use_single_playlist(const std::string& path);
  // While objects of an earlier run are put again: a playlist none of whose segments came again is passed
  // over, because what it lists has had its turn and would be waited for in vain.
  void set_replaying(bool replaying) { replaying_ = replaying; }

  void advance(Monotonic now);
  // Nothing more will come: what is there is the stream, and nothing is waited for.
  void settle(Monotonic now);

  // None yet: nobody has said what the stream is. `revision` changes whenever the structure does.
  [[nodiscard]] const std::optional<StreamStructure>& structure() const { return structure_; }
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

  // When a playlist that none names becomes the stream, unless something else comes.
  [[nodiscard]] std::optional<Monotonic> deadline() const;

  // The next segment of structure()->playlists[playlist] whose turn it is. REQUIRES: structure()
  std::optional<OrderedSegment> next(std::size_t playlist, Monotonic now);
  // One that was given up and has come all the same (semantics S4). REQUIRES: structure()
  std::optional<OrderedSegment> next_late(std::size_t playlist);
  [[nodiscard]] bool ended(std::size_t playlist) const;
  // Of the stream, else of the longest playlist known.
  [[nodiscard]] Microseconds target_duration() const;

  [[nodiscard]] const ObjectShelf& shelf() const { return shelf_; }
  [[nodiscard]] std::uint64_t never_came() const;
  [[nodiscard]] std::uint64_t restarts() const;

 private:
  struct Playlist {
    PlaylistFollower follower;
    std::optional<Monotonic> complete_since;  // its first complete segment
  };
  using Playlists = std::map<std::string, Playlist, std::less<>>;

  ObjectAnswer put_multivariant(const std::string& path, std::string_view text);
  ObjectAnswer put_media(const std::string& path, std::string_view text, Monotonic now);
  [[nodiscard]] bool holds_any_of(const std::string& path, const hls::MediaPlaylist& playlist) const;
  void use(StreamStructure structure);
  void look_for_single_playlist(Monotonic now, bool settled);
  [[nodiscard]] bool is_in_use(std::string_view path) const;
  [[nodiscard]] bool is_media(std::string_view path) const;
  [[nodiscard]] const Playlist* find(const ObjectName& name) const;
  [[nodiscard]] Playlist* find(const ObjectName& name);

  ObjectShelf shelf_;
  Playlists playlists_;
  std::optional<StreamStructure> structure_;
  bool structure_is_declared_ = false;  // by a multivariant playlist
  std::uint64_t revision_ = 0;
  bool replaying_ = false;
};

}  // namespace tarn::ingest
