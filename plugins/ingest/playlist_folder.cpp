// SPDX-License-Identifier: Apache-2.0
#include "ingest/playlist_folder.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/memory_pool.h"
#include "core/hls/playlist.h"
#include "gstkit/ref.h"
#include "ingest/stream_structure.h"

namespace tarn::ingest {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 30U;

Result<Blob> read(const std::filesystem::path& path) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  if (failed) return Error{ErrorCode::io, path.string() + ": " + failed.message()};
  if (size > largest_file) return Error{ErrorCode::limit, path.string() + ": larger than 1 GiB"};
  const auto length = static_cast<std::size_t>(size);
  PooledBytes content{length};
  std::ifstream file{path, std::ios::binary};
  file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(length));
  if (!file) return Error{ErrorCode::io, path.string() + ": cannot be read"};
  return content.release();
}

Result<std::vector<std::string>> segments_of(const std::filesystem::path& folder, const std::string& path) {
  const Blob text = TRY(read(folder / path));
  const hls::MediaPlaylist playlist = TRY(hls::parse_media(as_text(text.bytes())));
  std::vector<std::string> segments;
  for (const hls::MediaSegment& segment : playlist.segments) {
    if (segment.map) segments.push_back(TRY(ObjectName::resolve(path, segment.map->uri)).text());
    segments.push_back(TRY(ObjectName::resolve(path, segment.uri)).text());
  }
  return segments;
}

}  // namespace

Result<std::filesystem::path> playlist_at(const std::string& location) {
  std::filesystem::path path = location;
  if (location.starts_with("file:")) {
    const gstkit::TextPtr name{g_filename_from_uri(location.c_str(), nullptr, nullptr)};
    if (!name) return Error{ErrorCode::invalid, location + ": is no URL of a file here"};
    path = name.get();
  }
  std::error_code failed;
  if (!std::filesystem::is_directory(path, failed)) return path;
  if (std::filesystem::exists(path / "manifest.m3u8", failed)) return path / "manifest.m3u8";
  std::vector<std::filesystem::path> playlists;
  for (const auto& entry : std::filesystem::directory_iterator{path, failed}) {
    if (entry.path().extension() == ".m3u8") playlists.push_back(entry.path());
  }
  if (playlists.size() == 1) return playlists.front();
  return not_found(path.string() + ": has no manifest.m3u8, and " + std::to_string(playlists.size()) +
                   " other playlists");
}

Result<PlaylistFolder> PlaylistFolder::open(const std::filesystem::path& playlist) {
  PlaylistFolder result;
  result.folder_ = playlist.parent_path();
  const std::string name = playlist.filename().string();
  const Blob text = TRY(read(playlist));
  result.playlists_.push_back(name);
  std::vector<std::string> media{name};
  if (TRY(hls::classify(as_text(text.bytes()))) == hls::PlaylistKind::multivariant) {
    const auto structure = TRY(structure_of(name, TRY(hls::parse_multivariant(as_text(text.bytes())))));
    media.clear();
    for (const ObjectName& object : structure.playlists) media.push_back(object.text());
    result.playlists_.insert(result.playlists_.end(), media.begin(), media.end());
  } else {
    result.single_playlist_ = name;
  }
  std::vector<std::vector<std::string>> columns;
  std::size_t rows = 0;
  for (const std::string& path : media) {
    columns.push_back(TRY(segments_of(result.folder_, path)));
    rows = std::max(rows, columns.back().size());
  }
  for (std::size_t row = 0; row < rows; ++row) {
    for (const auto& column : columns) {
      if (row < column.size()) result.segments_.push_back(column[row]);
    }
  }
  return result;
}

std::optional<Result<PlaylistFolder::File>> PlaylistFolder::next() {
  while (!playlists_.empty() || !segments_.empty()) {
    std::deque<std::string>& files = playlists_.empty() ? segments_ : playlists_;
    File file{.path = std::move(files.front()), .content = {}};
    const bool may_be_missing = playlists_.empty();
    files.pop_front();
    const std::filesystem::path path = folder_ / file.path;
    if (may_be_missing && !std::filesystem::exists(path)) continue;
    auto content = read(path);
    if (!content.ok()) return Result<File>{std::move(content).error()};
    file.content = std::move(content).value();
    return Result<File>{std::move(file)};
  }
  return std::nullopt;
}

}  // namespace tarn::ingest
