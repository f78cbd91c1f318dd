// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.h"
#include "core/codecs/stream_info.h"
#include "core/mpegts/demuxer.h"

namespace tarn::ingest {

constexpr std::uint32_t transport_timescale = 90'000;
// Where the first timestamps of an input go when nobody knows better: far enough from 0 that no time
// is ever negative.
constexpr std::int64_t default_timeline_edge = std::int64_t{1} << 33U;

// The 64-bit time nearest to `near` that has these low 33 bits.
std::int64_t unwrap(std::int64_t timestamp, std::int64_t near);

// Times that do not wrap are taken as they are, this much later, so that none is negative: whole seconds,
// that it is exact in every timescale.
constexpr std::int64_t unwrapped_origin = 131'072;
// Decode time of the stream's first unit, 90 kHz. REQUIRES: stream.units not empty
std::int64_t first_time(const codecs::ElementaryStream& stream, std::int64_t near);

// An access unit on the input's unwrapped timeline, in ticks of its track.
struct TimedUnit {
  std::int64_t start = 0;  // decode time
  std::int64_t pts = 0;
  std::uint32_t duration = 0;
  std::uint32_t offset = 0;  // into the stream's data
  std::uint32_t size = 0;
  bool sync = false;
};

// The timeline of one elementary stream from segment to segment.
class StreamClock {
 public:
  // The stream's next timestamps have nothing to do with the earlier ones.
  void reset() { edge_.reset(); }
  // End of what was timed, 90 kHz.
  [[nodiscard]] std::optional<std::int64_t> edge_90k() const;

  // Whether `stream` does not go on where the last segment ended: it begins more than a second before,
  // or more than ten seconds after what is expected when `skipped` of programme never came.
  [[nodiscard]] bool is_jump(const codecs::ElementaryStream& stream, Microseconds skipped) const;

  // Times all units of a segment. Without an edge of its own the stream begins near `near` (90 kHz).
  // Units after a jump in the middle of the segment are left out. REQUIRES: stream.units not empty
  std::vector<TimedUnit> time(const codecs::ElementaryStream& stream, const codecs::StreamInfo& info,
                              std::int64_t near);

 private:
  [[nodiscard]] static std::vector<TimedUnit> time_plain(const codecs::ElementaryStream& stream);
  std::vector<TimedUnit> time_video(const codecs::ElementaryStream& stream, std::int64_t near);
  std::vector<TimedUnit> time_audio(const codecs::ElementaryStream& stream, const codecs::StreamInfo& info,
                                    std::int64_t near);

  std::optional<std::int64_t> edge_;  // ticks of the track
  std::uint32_t timescale_ = transport_timescale;
  std::uint32_t last_duration_ = 0;
};

// Frames per second of a segment's video when its decode times are equally far apart.
struct FrameRate {
  std::uint32_t numerator = 0;  // 0: varies, or too few units to say
  std::uint32_t denominator = 1;
};
FrameRate measure_frame_rate(const codecs::ElementaryStream& stream);

}  // namespace tarn::ingest
