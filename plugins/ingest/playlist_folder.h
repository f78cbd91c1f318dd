// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace tarn::ingest {

// The playlist file that a location means: itself, a file:/// URL's, or a directory's `manifest.m3u8` or only
// playlist. What is no directory need not be there. Errors: invalid, not_found
Result<std::filesystem::path> playlist_at(const std::string& location);

// A finished stream on disk, file by file in the order in which an encoder would have uploaded it: the
// multivariant playlist, the media playlists, then the segments of all of them in turn.
class PlaylistFolder {
 public:
  // `playlist`: a multivariant or a media playlist; everything it names must lie in its folder or below.
  static Result<PlaylistFolder> open(const std::filesystem::path& playlist);

  struct File {
    std::string path;  // below the folder
    Blob content;
  };
  // The next file; segments that do not exist are passed over. Errors: io.
  std::optional<Result<File>> next();
  // The media playlist that is all of the stream; none where a multivariant playlist says what is.
  [[nodiscard]] const std::optional<std::string>& single_playlist() const { return single_playlist_; }

 private:
  std::filesystem::path folder_;
  std::deque<std::string> playlists_;
  std::deque<std::string> segments_;
  std::optional<std::string> single_playlist_;
};

}  // namespace tarn::ingest
