// SPDX-License-Identifier: Apache-2.0
// WebVTT in fragments of somebody else's: whatever its cues say stands in a file as one cue each.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/webvtt/segment.h"
#include "header_length.h"
#include "ingest/text_fragments.h"

namespace {

using namespace tarn;

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// Two bytes say how long the header is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > (64U << 10U)) return 0;
  const Bytes rest{data + 2, size - 2};
  const std::size_t length = std::min<std::size_t>(rest.size(), data[0] * 256U + data[1]);
  const auto header = isobmff::read_movie_header(rest.first(length));
  if (!header.ok()) return 0;
  const auto document = ingest::read_text_fragments(*header, Blob::copy_of(rest.subspan(length)));
  if (!document.ok()) return 0;
  demand(document->map.has_value() && document->cues.size() <= webvtt::most_cues);
  for (const webvtt::FileCue& cue : document->cues) {
    demand(cue.start < cue.end);
    const webvtt::Cue placed{0, 90'000, cue.id, cue.settings, cue.payload};
    const auto file = webvtt::parse_document(webvtt::write_segment({placed}, {}, 0, 180'000));
    demand(file.ok() && file->cues.size() == 1 && file->cues[0].payload == cue.payload &&
           file->cues[0].settings == cue.settings && file->cues[0].id == cue.id);
  }
  return 0;
}
