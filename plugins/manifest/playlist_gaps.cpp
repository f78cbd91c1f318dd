// SPDX-License-Identifier: Apache-2.0
#include "manifest/playlist_gaps.h"

#include <algorithm>

namespace tarn::manifest {

std::string with_gaps(std::string_view playlist, const std::set<std::string, std::less<>>& names) {
  constexpr std::string_view version_tag = "#EXT-X-VERSION:";
  std::string text;
  std::string_view version;  // its line, which is in `text`'s first lines
  std::size_t version_at = 0;
  bool has_gaps = false;
  while (!playlist.empty()) {
    const std::size_t end = std::min(playlist.find('\n'), playlist.size() - 1) + 1;
    const std::string_view line = playlist.substr(0, end);
    playlist.remove_prefix(end);
    if (line.starts_with(version_tag)) {
      version = line;
      version_at = text.size();
    }
    if (names.contains(line.substr(0, line.find_last_not_of("\r\n") + 1))) {
      text += "#EXT-X-GAP\n";
      has_gaps = true;
    }
    text += line;
  }
  if (has_gaps && version.size() == version_tag.size() + 2 && version[version_tag.size()] < '8')
    text[version_at + version_tag.size()] = '8';
  return text;
}

}  // namespace tarn::manifest
