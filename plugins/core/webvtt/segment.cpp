// SPDX-License-Identifier: Apache-2.0
#include "core/webvtt/segment.h"

#include <algorithm>

namespace tarn::webvtt {
namespace {

constexpr std::int64_t period = std::int64_t{1} << 33U;
constexpr std::int64_t ticks_per_ms = timescale / 1000;

std::int64_t modulo(std::int64_t value, std::int64_t by) { return (value % by + by) % by; }

std::int64_t nearest(std::int64_t time, std::int64_t near) {
  const std::int64_t ahead = modulo(time - near, period);
  return near + (ahead >= period / 2 ? ahead - period : ahead);
}

// To the nearest; times before the base cannot be written.
std::int64_t ms_from(std::int64_t base, std::int64_t time) {
  return std::max<std::int64_t>((time - base + ticks_per_ms / 2) / ticks_per_ms, 0);
}

}  // namespace

std::vector<Cue> place_cues(const Document& document, std::int64_t origin, std::int64_t near) {
  const TimestampMap map = document.map.value_or(TimestampMap{});
  std::vector<Cue> cues;
  for (const FileCue& cue : document.cues) {
    const std::int64_t raw =
        static_cast<std::int64_t>(map.mpegts) + (cue.start - map.local) * ticks_per_ms + origin;
    const std::int64_t start = nearest(raw, near);
    cues.push_back({start, start + (cue.end - cue.start) * ticks_per_ms, cue.id, cue.settings, cue.payload});
  }
  return cues;
}

std::string write_segment(std::vector<Cue> cues, const std::vector<std::string>& blocks, std::int64_t from,
                          std::int64_t to) {
  // The file's times are MPEG-2's, without their wrap where the segment lies across it: what players map with
  // an offset of their own is then never a period away.
  const std::int64_t base = from - modulo(from, period);
  std::sort(cues.begin(), cues.end(), comes_before);
  cues.erase(std::unique(cues.begin(), cues.end()), cues.end());
  std::string text =
      "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:" + std::to_string(modulo(base, period)) + "\n";
  for (const std::string& part : blocks) text.append("\n").append(part).append("\n");
  for (const Cue& cue : cues) {
    if (cue.start >= to || cue.end <= from) continue;
    text.append("\n");
    if (!cue.id.empty()) text.append(cue.id).append("\n");
    text.append(format_time(ms_from(base, cue.start)))
        .append(" --> ")
        .append(format_time(ms_from(base, cue.end)));
    if (!cue.settings.empty()) text.append(" ").append(cue.settings);
    text.append("\n");
    if (!cue.payload.empty()) text.append(cue.payload).append("\n");
  }
  return text;
}

}  // namespace tarn::webvtt
