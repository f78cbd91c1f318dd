// SPDX-License-Identifier: Apache-2.0
#include "server/http/route.h"

#include <algorithm>

#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr std::size_t longest_path = 2048;

}  // namespace

std::optional<IngestPath> parse_ingest_path(std::string_view path) {
  if (path.size() > longest_path) return std::nullopt;
  const auto parts = split(path, '/');
  if (parts.size() < 5 || !parts[0].empty() || parts[1] != "v1") return std::nullopt;
  if (!is_resource_name(parts[2]) || (parts[3] != "1" && parts[3] != "2") || !is_resource_name(parts[4])) {
    return std::nullopt;
  }
  IngestPath result{std::string{parts[2]}, parts[3] == "1" ? 0 : 1, std::string{parts[4]}, {}, false};
  if (parts.size() > 5) {
    result.file = std::string{path.substr(static_cast<std::size_t>(parts[5].data() - path.data()))};
    result.file_valid = std::all_of(parts.begin() + 5, parts.end(), is_path_component);
  }
  return result;
}

std::optional<PlaybackPath> parse_playback_path(std::string_view path) {
  if (path.size() > longest_path) return std::nullopt;
  const auto parts = split(path, '/');
  if (parts.size() != 6 || !parts[0].empty() || parts[1] != "v1") return std::nullopt;
  if (!std::all_of(parts.begin() + 2, parts.begin() + 5, is_resource_name)) return std::nullopt;
  if (parts[3] == "1" || parts[3] == "2" || !is_path_component(parts[5])) return std::nullopt;
  return PlaybackPath{std::string{parts[2]}, std::string{parts[3]}, std::string{parts[4]},
                      std::string{parts[5]}};
}

}  // namespace tarn::server
