// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

// The paths of the origin listener (product.md 1):
//   /v1/<group>/<1 or 2>/<channel>/<file, may have folders>    ingest; no channel is called 1 or 2
//   /v1/<group>/<channel>/<endpoint>/<file>                    playback
namespace tarn::server {

struct IngestPath {
  std::string group;
  int input = 0;  // 0, 1
  std::string channel;
  std::string file;         // empty for the input's folder itself
  bool file_valid = false;  // every component of `file` is a path component (semantics S22)
};
std::optional<IngestPath> parse_ingest_path(std::string_view path);

struct PlaybackPath {
  std::string group;
  std::string channel;
  std::string endpoint;
  std::string file;
};
std::optional<PlaybackPath> parse_playback_path(std::string_view path);

}  // namespace tarn::server
