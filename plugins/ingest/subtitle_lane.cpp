// SPDX-License-Identifier: Apache-2.0
#include "ingest/subtitle_lane.h"

#include <algorithm>
#include <utility>

#include "core/webvtt/segment.h"

namespace tarn::ingest {
namespace {

// Durations in playlists are rounded: files this near to each other follow each other.
constexpr std::int64_t slack = webvtt::timescale / 2;
constexpr std::size_t most_open = 64;

}  // namespace

void SubtitleLane::clear() {
  edge_.reset();
  open_.clear();
}

std::optional<SubtitleLane::Placed> SubtitleLane::place(const webvtt::Document& file, std::int64_t begin,
                                                        std::int64_t end, std::int64_t origin,
                                                        const std::vector<std::int64_t>& cuts) {
  if (edge_ && begin < *edge_ + slack && begin > *edge_ - slack) begin = *edge_;
  if (edge_) begin = std::max(begin, *edge_);
  end = std::max(begin, end);
  std::vector<webvtt::Cue> cues = webvtt::place_cues(file, origin, begin);
  cues.insert(cues.end(), open_.begin(), open_.end());
  open_.clear();
  const bool is_empty = begin == end;
  for (const webvtt::Cue& cue : cues) {
    const bool goes_on = (cue.start < end || is_empty) && cue.end > end;
    const bool is_known = std::find(open_.begin(), open_.end(), cue) != open_.end();
    if (goes_on && !is_known && open_.size() < most_open) open_.push_back(cue);
  }
  if (is_empty) return std::nullopt;
  edge_ = end;
  Placed placed;
  for (const webvtt::Sample& sample :
       webvtt::write_samples(cues, file.blocks, begin, end, placed.data, cuts)) {
    placed.units.push_back({.start = sample.start,
                            .pts = sample.start,
                            .duration = static_cast<std::uint32_t>(sample.duration),
                            .offset = sample.offset,
                            .size = sample.size,
                            .sync = true});
  }
  return placed;
}

}  // namespace tarn::ingest
