// SPDX-License-Identifier: Apache-2.0
// File names of an endpoint: whatever is understood is the one name of what it means.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/timeline/output.h"

namespace {

using namespace tarn::timeline;

void require(bool condition) {
  if (!condition) std::abort();
}

// The rendition within "g<generation>-<rendition>-…".
std::string_view rendition_of(std::string_view file) {
  const auto begin = file.find('-') + 1;
  return file.substr(begin, file.find('-', begin) - begin);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file{reinterpret_cast<const char*>(data), size};
  if (const auto name = parse_segment_name(file)) {
    require(segment_name(*name, rendition_of(file)) == file);
    require(parse_rendition_name(rendition_of(file)) == name->tracks);
  }
  if (const auto name = parse_init_name(file)) {
    require(init_name(name->edition, name->generation, rendition_of(file), name->config) == file);
    require(!parse_segment_name(file));
  }
  if (const auto name = parse_manifest_name(file, "manifest")) {
    OutputSettings settings;
    settings.protocol = name->mpd ? Protocol::dash : Protocol::hls;
    require((name->rendition ? media_playlist_file(settings, *name->rendition) : manifest_file(settings)) ==
            file);
    require(!name->rendition || parse_rendition_name(*name->rendition));
  }
  return 0;
}
