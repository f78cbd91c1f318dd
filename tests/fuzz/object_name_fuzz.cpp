// SPDX-License-Identifier: Apache-2.0
// URIs of uploaded playlists: whatever they are, what they resolve to is a path below the input's base.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ingest/object_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::size_t split = text.find('\n');
  const std::string_view playlist = split == std::string_view::npos ? "hd/media.m3u8" : text.substr(0, split);
  const std::string_view uri = split == std::string_view::npos ? text : text.substr(split + 1);
  if (!tarn::ingest::check_object_path(playlist).ok()) return 0;
  const auto name = tarn::ingest::ObjectName::resolve(playlist, uri);
  if (!name.ok()) return 0;
  if (name->paths().empty()) std::abort();
  for (const std::string& path : name->paths()) {
    if (!tarn::ingest::check_object_path(path).ok() || !name->matches(path)) std::abort();
  }
  return 0;
}
