// SPDX-License-Identifier: Apache-2.0
// WebVTT: no file crashes what reads it, its samples cover the time exactly and lose no cue, and a segment
// that is written is read as the same cues.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/webvtt/segment.h"

namespace {

using namespace tarn::webvtt;

void demand(bool holds) {
  if (!holds) std::abort();
}

bool overlaps(const Cue& cue, std::int64_t from, std::int64_t to) { return cue.start < to && cue.end > from; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > (64U << 10U)) return 0;
  {
    std::vector<Cue> cues;
    std::vector<std::string> blocks;
    (void)read_sample({data, size}, 0, 1000, cues, blocks);
  }
  const auto document = parse_document({reinterpret_cast<const char*>(data), size});
  if (!document.ok()) return 0;
  constexpr std::int64_t from = std::int64_t{1} << 33U;
  constexpr std::int64_t to = from + 6 * 90'000;
  std::vector<Cue> cues = place_cues(*document, 0, from);
  demand(cues.size() == document->cues.size());
  tarn::ByteVector bytes;
  const auto samples = write_samples(cues, document->blocks, from, to, bytes);
  std::int64_t at = from;
  std::vector<Cue> found;
  std::vector<std::string> blocks;
  for (const Sample& sample : samples) {
    demand(sample.start == at && sample.duration > 0);
    at += sample.duration;
    const auto one = tarn::Bytes{bytes}.subspan(sample.offset, sample.size);
    demand(read_sample(one, sample.start, sample.duration, found, blocks).ok());
  }
  demand(at == to);
  std::vector<Cue> wanted;
  for (const Cue& cue : cues) {
    if (overlaps(cue, from, to) && std::find(wanted.begin(), wanted.end(), cue) == wanted.end())
      wanted.push_back(cue);
  }
  std::sort(wanted.begin(), wanted.end(), comes_before);
  std::sort(found.begin(), found.end(), comes_before);
  demand(found == wanted || bytes.size() > (1U << 20U));
  const auto again = parse_document(write_segment(found, document->blocks, from, to));
  demand(again.ok() && again->map && again->blocks == document->blocks);
  const auto is_written = [](const Cue& cue) { return cue.end - cue.start >= 90; };
  demand(again->cues.size() >=
         static_cast<std::size_t>(std::count_if(found.begin(), found.end(), is_written)));
  return 0;
}
