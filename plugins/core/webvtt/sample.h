// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace tarn::webvtt {

// Ticks per second of every time below, and of text tracks.
constexpr std::uint32_t timescale = 90'000;

// A cue on the media timeline.
struct Cue {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::string id;
  std::string settings;
  std::string payload;
  bool operator==(const Cue&) const = default;
};
// The order in which cues are written: by start, then as they are.
bool comes_before(const Cue& a, const Cue& b);

// Samples are cut at the bounds of cues and at multiples of this, so that a part of them ends near to any
// time.
constexpr std::int64_t longest_sample = timescale / 2;

struct Sample {
  std::int64_t start = 0;
  std::int64_t duration = 0;
  std::uint32_t offset = 0;  // into the data
  std::uint32_t size = 0;
};

// ISO/IEC 14496-30, 5.5 (`wvtt`): samples that cover [begin, end) without a hole, each with the cues that
// are shown during it, or vtte. A cue's box says in a box of Tarn's own (`uuid`) when the whole of the cue
// is, which no sample says by itself. `blocks`: STYLE and REGION, in the first sample as additional text.
// Cues beyond 4 MiB of data are left out.
// `cuts`: where samples are cut too.
// REQUIRES: begin < end
std::vector<Sample> write_samples(const std::vector<Cue>& cues, const std::vector<std::string>& blocks,
                                  std::int64_t begin, std::int64_t end, ByteVector& data,
                                  const std::vector<std::int64_t>& cuts = {});

// The cues of a sample at [start, start + duration), added to `cues`, and its blocks to `blocks`, each once.
// Cues of other writers are as long as the sample. Errors: malformed
Status read_sample(Bytes sample, std::int64_t start, std::int64_t duration, std::vector<Cue>& cues,
                   std::vector<std::string>& blocks);

}  // namespace tarn::webvtt
