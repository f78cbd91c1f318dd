// SPDX-License-Identifier: Apache-2.0
#include "ingest/segment_timing.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace tarn::ingest {
namespace {

constexpr std::int64_t period = std::int64_t{1} << 33U;
constexpr std::int64_t second = transport_timescale;
constexpr std::int64_t longest_step_back = 1 * second;
constexpr std::int64_t longest_step_ahead = 10 * second;
constexpr std::uint32_t default_frame_duration = 3600;  // 25/s, for a lone frame that nothing is known about
constexpr std::uint32_t aac_frame = 1024;

bool is_audio(const codecs::ElementaryStream& stream) {
  return codecs::kind_of(stream.codec) == codecs::Kind::audio;
}

}  // namespace

std::int64_t unwrap(std::int64_t timestamp, std::int64_t near) {
  const std::int64_t low = timestamp & (period - 1);
  std::int64_t difference = (low - near) & (period - 1);
  if (difference >= period / 2) difference -= period;
  return near + difference;
}

std::int64_t first_time(const codecs::ElementaryStream& stream, std::int64_t near) {
  const codecs::AccessUnit& first = stream.units.front();
  if (stream.wraps) return unwrap(is_audio(stream) ? first.pts : first.dts, near);
  return rescale(first.dts + unwrapped_origin * stream.timescale, stream.timescale, transport_timescale);
}

std::optional<std::int64_t> StreamClock::edge_90k() const {
  if (!edge_) return std::nullopt;
  return rescale(*edge_, timescale_, transport_timescale);
}

bool StreamClock::is_jump(const codecs::ElementaryStream& stream, Microseconds skipped) const {
  const auto edge = edge_90k();
  if (!edge || stream.units.empty()) return false;
  const std::int64_t ahead = first_time(stream, *edge) - *edge;
  const std::int64_t hole = rescale(skipped.count(), 1'000'000, transport_timescale);
  return ahead < -longest_step_back || ahead > hole + longest_step_ahead;
}

std::vector<TimedUnit> StreamClock::time(const codecs::ElementaryStream& stream,
                                         const codecs::StreamInfo& info, std::int64_t near) {
  const std::int64_t from = edge_90k().value_or(near);
  std::vector<TimedUnit> units = !stream.wraps      ? time_plain(stream)
                                 : is_audio(stream) ? time_audio(stream, info, from)
                                                    : time_video(stream, from);
  edge_ = units.back().start + units.back().duration;
  timescale_ = !stream.wraps || is_audio(stream) ? info.timescale : transport_timescale;
  last_duration_ = units.back().duration;
  return units;
}

// The container says all. Where a fragment begins elsewhere than the one before it ends, its word holds: the
// last frame before it reaches up to it, unless that is a jump.
std::vector<TimedUnit> StreamClock::time_plain(const codecs::ElementaryStream& stream) {
  const std::int64_t origin = unwrapped_origin * stream.timescale;
  const std::int64_t longest = longest_step_ahead / second * stream.timescale;
  std::vector<TimedUnit> units;
  units.reserve(stream.units.size());
  for (const codecs::AccessUnit& unit : stream.units) {
    std::int64_t start = unit.dts + origin;
    if (!units.empty()) {
      TimedUnit& previous = units.back();
      if (std::abs(start - previous.start) > longest) break;
      start = std::max(start, previous.start + 1);
      previous.duration = static_cast<std::uint32_t>(start - previous.start);
    }
    units.push_back({.start = start,
                     .pts = unit.pts + origin,
                     .duration = unit.duration,
                     .offset = unit.offset,
                     .size = unit.size,
                     .sync = unit.sync});
  }
  TimedUnit& last = units.back();
  if (last.duration == 0 && units.size() > 1) last.duration = units[units.size() - 2].duration;
  if (last.duration == 0) last.duration = std::max(1U, stream.timescale / 25);
  return units;
}

// The duration of a frame is the distance to the next one's decode time; the last one's in a segment
// is taken over from the one before it, so that the segment is final by itself (semantics S1).
std::vector<TimedUnit> StreamClock::time_video(const codecs::ElementaryStream& stream, std::int64_t near) {
  std::vector<TimedUnit> units;
  units.reserve(stream.units.size());
  for (const codecs::AccessUnit& unit : stream.units) {
    std::int64_t start = unwrap(unit.dts, near);
    if (!units.empty()) {
      TimedUnit& previous = units.back();
      if (std::abs(start - previous.start) > longest_step_ahead) break;
      start = std::max(start, previous.start + 1);
      previous.duration = static_cast<std::uint32_t>(start - previous.start);
    }
    units.push_back({.start = start,
                     .pts = unwrap(unit.pts, start),
                     .duration = 0,
                     .offset = unit.offset,
                     .size = unit.size,
                     .sync = unit.sync});
    near = start;
  }
  TimedUnit& last = units.back();
  last.duration = units.size() > 1 ? units[units.size() - 2].duration : last_duration_;
  if (last.duration == 0) last.duration = default_frame_duration;
  return units;
}

// Stateless positions (semantics S2): each PES packet says where its first frame is, in samples. A
// frame that is within one tick of its predecessor's end begins there: PTS are rounded to 90 kHz.
std::vector<TimedUnit> StreamClock::time_audio(const codecs::ElementaryStream& stream,
                                               const codecs::StreamInfo& info, std::int64_t near) {
  const std::int64_t frame = info.samples_per_frame != 0 ? info.samples_per_frame : aac_frame;
  const std::int64_t tick = (info.timescale + transport_timescale - 1) / transport_timescale;
  bool has_predecessor = edge_ && timescale_ == info.timescale;
  std::int64_t expected = edge_.value_or(0);
  std::vector<TimedUnit> units;
  units.reserve(stream.units.size());
  for (const codecs::AccessUnit& unit : stream.units) {
    const std::int64_t pes_time = unwrap(unit.pts, near);
    if (!units.empty() && std::abs(pes_time - near) > longest_step_ahead) break;
    near = pes_time;
    std::int64_t start = rescale(pes_time, transport_timescale, info.timescale) + unit.frame_in_pes * frame;
    if (has_predecessor && std::abs(start - expected) <= tick) start = expected;
    has_predecessor = true;
    expected = start + frame;
    units.push_back({.start = start,
                     .pts = start,
                     .duration = static_cast<std::uint32_t>(frame),
                     .offset = unit.offset,
                     .size = unit.size,
                     .sync = true});
  }
  return units;
}

FrameRate measure_frame_rate(const codecs::ElementaryStream& stream) {
  const auto& units = stream.units;
  if (units.size() < 3) return {};
  const auto distance = [&](std::size_t i) {
    const std::int64_t ticks = units[i].dts - units[i - 1].dts;
    return stream.wraps ? unwrap(ticks, 0) : ticks;
  };
  const std::int64_t duration = distance(1);
  if (duration <= 0 || duration > longest_step_ahead / second * stream.timescale) return {};
  for (std::size_t i = 2; i < units.size(); ++i) {
    if (distance(i) != duration) return {};
  }
  const auto ticks = static_cast<std::uint32_t>(duration);
  const std::uint32_t divisor = std::gcd(stream.timescale, ticks);
  return {stream.timescale / divisor, ticks / divisor};
}

}  // namespace tarn::ingest
