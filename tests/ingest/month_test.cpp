// SPDX-License-Identifier: Apache-2.0
// A month in virtual time: 33-bit timestamps of two encoders that begin anew thousands of times, through the
// clocks of the ingest and the merge, must be where they are in the programme, to the tick. TARN_LONG: 30
// days, else 3.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <random>

#include "core/timeline/merger.h"
#include "ingest/segment_timing.h"
#include "support/seed.h"

namespace tarn::ingest {
namespace {

using timeline::InputId;

constexpr std::int64_t period = std::int64_t{1} << 33U;
constexpr std::int64_t segment_seconds = 6;
constexpr std::uint32_t audio_rate = 11'025;  // a frame is 8359.18 ticks of 90 kHz
constexpr std::int64_t frame_samples = 1'024;
constexpr std::uint32_t frames_per_pes = 8;
constexpr std::int64_t video_frame = 90'000;
// The programme begins a minute before its times wrap.
constexpr std::int64_t programme_start = period - 60 * 90'000;

std::int64_t wrapped(std::int64_t time) { return time & (period - 1); }

codecs::StreamInfo audio_info() {
  codecs::StreamInfo info;
  info.codec = codecs::Codec::aac;
  info.timescale = info.sample_rate = audio_rate;
  info.samples_per_frame = frame_samples;
  return info;
}

timeline::TrackDescription track(const char* key, const codecs::StreamInfo& info) {
  timeline::TrackDescription description;
  description.key = key;
  description.info = info;
  return description;
}

std::vector<timeline::TrackDescription> tracks() {
  codecs::StreamInfo video;
  video.codec = codecs::Codec::h264;
  video.timescale = 90'000;
  video.frame_rate_numerator = video.frame_rate_denominator = 1;
  return {track("v0", video), track("a0", audio_info())};
}

// The first frame of the programme that begins in segment `number` or later.
std::int64_t first_frame_of(std::int64_t number) {
  const std::int64_t samples = number * segment_seconds * audio_rate;
  return (samples + frame_samples - 1) / frame_samples;
}

// What an encoder sends of segment `number`, as its transport stream says it.
codecs::ElementaryStream video_of(std::int64_t number) {
  codecs::ElementaryStream stream;
  for (std::int64_t i = 0; i < segment_seconds; ++i) {
    const std::int64_t dts = programme_start + (number * segment_seconds + i) * video_frame;
    stream.units.push_back({.pts = wrapped(dts), .dts = wrapped(dts), .size = 10, .sync = i == 0});
  }
  return stream;
}

codecs::ElementaryStream audio_of(std::int64_t number) {
  codecs::ElementaryStream stream;
  stream.codec = codecs::Codec::aac;
  const std::int64_t first = first_frame_of(number);
  for (std::int64_t i = first; i < first_frame_of(number + 1); ++i) {
    const auto in_pes = static_cast<std::uint32_t>((i - first) % frames_per_pes);
    const std::int64_t pts =
        programme_start + rescale((i - in_pes) * frame_samples, audio_rate, 90'000, Rounding::down);
    stream.units.push_back({.pts = wrapped(pts), .dts = wrapped(pts), .size = 10, .frame_in_pes = in_pes});
  }
  return stream;
}

class Encoder {
 public:
  Encoder(timeline::Merger& merger, InputId input, std::int64_t delay_ms)
      : merger_{merger}, input_{input}, delay_{delay_ms * 1'000} {}

  [[nodiscard]] Monotonic arrival_of(std::int64_t number) const {
    return Monotonic{Microseconds{(number + 1) * segment_seconds * 1'000'000} + delay_};
  }

  void send(std::int64_t number, bool is_anew) {
    const Monotonic now = arrival_of(number);
    const Utc utc{now.time_since_epoch()};
    if (is_anew) {
      video_ = audio_ = {};
      if (began_) merger_.discontinuity(input_, now);
      merger_.set_tracks(input_, tracks());
      began_ = true;
    }
    const auto pictures = video_of(number);
    const std::int64_t near = merger_.edge_90k().value_or(programme_start);
    const auto video = video_.time(pictures, tracks()[0].info, near);
    std::int64_t duration = 0;
    for (const TimedUnit& unit : video) duration += unit.duration;
    merger_.add(input_, "v0", {video.front().start, duration, true, nullptr, 0}, now, utc);
    const auto sounds = audio_of(number);
    for (const TimedUnit& unit : audio_.time(sounds, audio_info(), video.front().start))
      merger_.add(input_, "a0", {unit.start, unit.duration, true, nullptr, 0}, now, utc);
    merger_.segment_end(input_, {"v0", "a0"}, now, utc);
  }

 private:
  timeline::Merger& merger_;
  InputId input_;
  Microseconds delay_;
  StreamClock video_;
  StreamClock audio_;
  bool began_ = false;
};

// Holds what was decided against the programme.
class Listener {
 public:
  void take(const std::vector<timeline::Decision>& decisions) {
    for (const auto& decision : decisions) std::visit([this](const auto& what) { take_one(what); }, decision);
  }
  [[nodiscard]] std::int64_t segments() const { return segments_; }
  [[nodiscard]] std::int64_t frames() const { return frames_; }
  std::size_t stretches = 0;
  std::size_t switches = 0;
  std::size_t wrong = 0;

 private:
  void expect(bool is_right) { wrong += is_right ? 0 : 1; }
  void take_one(const timeline::StretchStarted& started) {
    ++stretches;
    for (const auto& one : started.stretch.tracks) {
      if (one.description.key == "a0") audio_ = one.id;
    }
  }
  void take_one(const timeline::PartDecided& part) {
    if (part.track != audio_) {
      expect(part.start == programme_start + segments_ * segment_seconds * 90'000);
      segments_ += static_cast<std::int64_t>(part.payloads.size());
      return;
    }
    if (!origin_) origin_ = part.start;
    expect(part.start == *origin_ + frames_ * frame_samples);
    frames_ += static_cast<std::int64_t>(part.payloads.size());
  }
  void take_one(const timeline::PartRepaired& /*part*/) { expect(false); }
  void take_one(const timeline::SlotListed& slot) {
    expect(slot.missing.empty());
    expect(slot.end == programme_start + segments_ * segment_seconds * 90'000);
    // The sound of a slot ends within a frame of its pictures, and what the last file may still hold of it.
    const std::int64_t apart =
        *origin_ + frames_ * frame_samples - rescale(slot.end, 90'000, audio_rate, Rounding::down);
    expect(std::abs(apart) <= frame_samples);
  }
  void take_one(const timeline::InputSwitched& /*switched*/) { ++switches; }
  void take_one(const timeline::StreamEnded& /*ended*/) { expect(false); }

  std::int64_t segments_ = 0;
  std::int64_t frames_ = 0;
  std::optional<std::int64_t> origin_;
  timeline::TrackId audio_ = 0;
};

TEST(Month, TimesAreExactOverAllWrapsAndThousandsOfRestarts) {
  const unsigned seed = test::seed_of_run();
  SCOPED_TRACE("TARN_SEED=" + std::to_string(seed));
  std::mt19937 random{seed};
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution{low, high}(random);
  };
  const std::int64_t days = std::getenv("TARN_LONG") == nullptr ? 3 : 30;
  const std::int64_t last = days * 86'400 / segment_seconds;
  timeline::Merger merger{{Microseconds{segment_seconds * 1'000'000}}, {}};
  std::array<Encoder, 2> encoders{Encoder{merger, 0, 200}, Encoder{merger, 1, 450}};
  Listener listener;
  // One is away for up to five segments at a time, and is back for two before the other one goes.
  std::int64_t away_from = 20;
  std::int64_t away_to = 20;
  InputId away = 0;
  std::array<bool, 2> is_anew{true, true};
  std::int64_t restarts = 0;
  for (std::int64_t number = 0; number < last; ++number) {
    if (number == away_to + 3) {
      away = static_cast<InputId>(pick(0, 1));
      away_from = number + pick(1, 20);
      away_to = away_from + pick(1, 5);
    }
    for (const InputId input : {0U, 1U}) {
      if (input == away && number >= away_from && number < away_to) {
        if (number == away_from) ++restarts;
        is_anew[input] = true;
        continue;
      }
      encoders[input].send(number, is_anew[input]);
      is_anew[input] = false;
      listener.take(merger.take());
    }
    const Monotonic later = encoders[1].arrival_of(number) + Microseconds{4'000'000};
    while (const auto deadline = merger.deadline()) {
      if (*deadline > later) break;
      merger.advance(*deadline, Utc{deadline->time_since_epoch()});
      listener.take(merger.take());
    }
    ASSERT_EQ(listener.wrong, 0U) << "in segment " << number << " of " << last;
  }
  EXPECT_EQ(listener.stretches, 1U);
  EXPECT_GE(listener.segments(), last - 2);
  EXPECT_GE(listener.frames(), first_frame_of(last - 2));
  EXPECT_GT(restarts, days * 600);
  std::cout << days << " days: " << listener.segments() << " segments, " << listener.frames()
            << " frames of sound, " << restarts << " restarts, " << listener.switches << " switches, "
            << (programme_start + last * segment_seconds * 90'000) / period << " wraps\n";
}

}  // namespace
}  // namespace tarn::ingest
