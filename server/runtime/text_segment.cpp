// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/text_segment.h"

#include "core/isobmff/cmaf.h"
#include "core/webvtt/segment.h"

namespace tarn::server {

Result<std::string> text_segment(archive::Archive& archive, const TextRequest& request) {
  const auto timeline = archive.timeline();
  std::vector<webvtt::Cue> cues;
  std::vector<std::string> blocks;
  for (std::uint64_t i = 0; i < request.slot_count; ++i) {
    const auto slot = timeline->find(request.first_slot + i);
    const auto chunk = slot == nullptr ? timeline::Found<timeline::Chunk>{} : slot->find(request.track);
    if (chunk == nullptr) continue;
    const Blob bytes = TRY(archive.read(*chunk));
    const isobmff::ParsedChunks parsed = TRY(isobmff::parse_chunks(bytes.bytes()));
    for (const isobmff::ParsedSample& sample : parsed.samples) {
      TRY(webvtt::read_sample(bytes.bytes().subspan(sample.offset, sample.size), sample.dts, sample.duration,
                              cues, blocks));
    }
  }
  return webvtt::write_segment(std::move(cues), blocks, request.from, request.to);
}

}  // namespace tarn::server
