// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/output_bitrate.h"

#include <algorithm>
#include <optional>

#include "core/timeline/output_span.h"

namespace tarn::timeline {
namespace {

constexpr std::size_t most_cuts = 100;
constexpr std::uint64_t begin_bytes = 32 + 32;  // styp, prft

// How core/mpegts packs a segment: 188-byte packets that carry 184, the packets of each PID and of each
// table a multiple of 16 (semantics S16), tables every 400 ms, a PES packet for every picture and for eight
// audio frames, a PCR every 40 ms.
constexpr std::uint64_t packet_bytes = 188;
constexpr std::uint64_t packet_payload = 184;
constexpr std::uint64_t padding = 16;
constexpr std::int64_t table_round = 6'400'000;  // microseconds that 16 repetitions last
constexpr std::int64_t clock_interval = 40'000;
constexpr std::uint64_t audio_frames_per_pes = 8;
constexpr std::uint64_t pes_overhead = 19 + 8;  // header with both timestamps, adaptation field with PCR
constexpr std::uint64_t frame_overhead = 7;     // ADTS header; access unit delimiter
constexpr std::uint32_t assumed_frames_per_second = 60;  // where the source does not say

std::uint64_t padded(std::uint64_t packets) { return (packets + padding - 1) / padding * padding; }

std::uint64_t at_least_zero(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value));
}

bool is_audio(const codecs::StreamInfo& info) { return codecs::kind_of(info.codec) == codecs::Kind::audio; }

// Frames of a track in a span, rounded up.
std::uint64_t frames_in(const codecs::StreamInfo& info, const TrackSpan& span) {
  std::uint64_t frame_ticks = info.timescale;  // of this many frames:
  std::uint64_t frames = assumed_frames_per_second;
  if (is_audio(info) && info.samples_per_frame != 0) {
    frame_ticks = info.samples_per_frame;
    frames = 1;
  } else if (info.frame_rate_numerator != 0) {
    frame_ticks = std::uint64_t{info.timescale} * info.frame_rate_denominator;
    frames = info.frame_rate_numerator;
  }
  return at_least_zero(span.end - span.start) * frames / std::max<std::uint64_t>(1, frame_ticks) + 1;
}

// Upper bound of the packets of a track. Parameter sets at sync samples are not counted: the `moof` that
// each chunk's size includes is larger.
std::uint64_t packets_of(const codecs::StreamInfo& info, const TrackSpan& span, bool has_clock) {
  const std::uint64_t frames = frames_in(info, span);
  const std::uint64_t pes =
      is_audio(info) ? (frames + audio_frames_per_pes - 1) / audio_frames_per_pes : frames;
  const std::uint64_t payload = span.bytes + pes * pes_overhead + frames * frame_overhead;
  std::uint64_t clock_packets = 0;
  if (has_clock) {
    const std::int64_t length = to_microseconds(span.end - span.start, info.timescale).count();
    const std::int64_t interval = length / static_cast<std::int64_t>(pes);
    if (interval > clock_interval) clock_packets = pes * at_least_zero(interval / clock_interval);
  }
  return padded(payload / packet_payload + pes) + clock_packets;
}

std::uint64_t table_packets(Microseconds duration) {
  return 2 * padding * (at_least_zero(duration.count()) / static_cast<std::uint64_t>(table_round) + 1);
}

// 0: nothing of these tracks came.
std::uint64_t segment_bytes(const Timeline& timeline, const Stretch& stretch, const Cut& cut, bool is_ts,
                            const std::vector<TrackId>& tracks) {
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
  for (const TrackId id : tracks) {
    const Track* track = stretch.find(id);
    if (track == nullptr) continue;
    const TrackSpan span = span_of(timeline, stretch, cut, id);
    if (span.first == nullptr) continue;
    bytes += span.bytes;
    packets += packets_of(track->description.info, span, packets == 0);
  }
  if (bytes == 0) return 0;
  if (!is_ts) return bytes + begin_bytes;
  return (packets + table_packets(duration_of(timeline, stretch, cut))) * packet_bytes;
}

struct Sample {
  std::uint64_t bytes = 0;
  std::uint64_t microseconds = 0;
};

std::uint64_t bitrate(const Sample& sample) {
  return sample.microseconds == 0 ? 0 : sample.bytes * 8'000'000 / sample.microseconds;
}

// Oldest first.
std::vector<Sample> samples_of(const Timeline& timeline, const Presentation& presentation,
                               const Stretch& stretch, bool is_ts, const Download& download) {
  std::vector<Sample> samples;
  const auto& cuts = presentation.cuts;
  const auto later = std::partition_point(cuts.begin(), cuts.end(),
                                          [&](const Cut& cut) { return cut.stretch <= stretch.id; });
  for (auto i = static_cast<std::size_t>(later - cuts.begin()); i-- > 0 && samples.size() < most_cuts;) {
    const Cut cut = cuts[i];
    if (cut.stretch != stretch.id || timeline.find(cut.first_slot) == nullptr) break;
    Sample sample;
    sample.microseconds =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration_of(timeline, stretch, cut).count()));
    sample.bytes = segment_bytes(timeline, stretch, cut, is_ts, download.tracks);
    std::uint64_t largest = 0;
    for (const TrackId choice : download.choices) {
      largest = std::max(largest, segment_bytes(timeline, stretch, cut, is_ts, {choice}));
    }
    sample.bytes += largest;
    samples.push_back(sample);
  }
  std::reverse(samples.begin(), samples.end());
  return samples;
}

// The highest rate of a run of segments that lasts at least half the target duration: one short segment at
// the end of a stretch is not a peak.
std::uint64_t peak_of(const std::vector<Sample>& samples, std::uint64_t half_target) {
  std::uint64_t peak = 0;
  for (std::size_t end = samples.size(); end > 0; --end) {
    Sample run;
    for (std::size_t i = end; i-- > 0 && run.microseconds < half_target;) {
      run.bytes += samples[i].bytes;
      run.microseconds += samples[i].microseconds;
    }
    if (run.microseconds >= half_target || end == samples.size()) peak = std::max(peak, bitrate(run));
  }
  return peak;
}

std::uint64_t half_target(const Presentation& presentation, const Cut& cut) {
  const Generation* const generation = presentation.find_generation(cut.generation);
  if (generation == nullptr) return 0;
  return std::uint64_t{std::max(generation->segment_duration, generation->target_duration)} * 500'000;
}

// Cut `index` and those before it in the stretch until they are long enough to be a peak.
Sample run_of(const Timeline& timeline, const Presentation& presentation, const Stretch& stretch,
              std::size_t index, bool is_ts, TrackId track) {
  const std::uint64_t least = half_target(presentation, presentation.cuts[index]);
  Sample run;
  for (std::size_t i = index + 1; i-- > 0;) {
    const Cut cut = presentation.cuts[i];
    if (cut.stretch != stretch.id || timeline.find(cut.first_slot) == nullptr) break;
    run.bytes += segment_bytes(timeline, stretch, cut, is_ts, {track});
    run.microseconds += at_least_zero(duration_of(timeline, stretch, cut).count());
    if (run.microseconds >= least) return run;
  }
  return {};
}

void note_rate(const Timeline& timeline, const Presentation& presentation, const Stretch& stretch,
               std::size_t index, TrackId track, TrackRate& rate) {
  const Cut cut = presentation.cuts[index];
  rate.through = cut.number;
  ++rate.cuts;
  const std::uint64_t bytes = segment_bytes(timeline, stretch, cut, false, {track});
  if (bytes == 0) return;
  rate.bytes_cmaf += bytes;
  rate.bytes_ts += segment_bytes(timeline, stretch, cut, true, {track});
  rate.microseconds += at_least_zero(duration_of(timeline, stretch, cut).count());
  rate.peak_cmaf =
      std::max(rate.peak_cmaf, bitrate(run_of(timeline, presentation, stretch, index, false, track)));
  rate.peak_ts = std::max(rate.peak_ts, bitrate(run_of(timeline, presentation, stretch, index, true, track)));
}

// Nothing: all cuts of the stretch have been measured as they are.
std::optional<Bitrate> kept_rate(const Presentation& presentation, const Stretch& stretch, bool is_ts,
                                 const Download& download, std::size_t measured) {
  const auto at = presentation.rates.find(stretch.id);
  if (at == presentation.rates.end()) return std::nullopt;
  std::uint64_t cuts = 0;
  const auto rate_of = [&](TrackId track) {
    const auto found = at->second->find(track);
    if (found == at->second->end()) return Bitrate{};
    const TrackRate& rate = found->second;
    cuts = std::max(cuts, rate.cuts);
    return Bitrate{is_ts ? rate.peak_ts : rate.peak_cmaf,
                   bitrate({is_ts ? rate.bytes_ts : rate.bytes_cmaf, rate.microseconds})};
  };
  Bitrate sum;
  for (const TrackId track : download.tracks) {
    const Bitrate rate = rate_of(track);
    sum.peak += rate.peak;
    sum.average += rate.average;
  }
  Bitrate largest;
  for (const TrackId track : download.choices) {
    const Bitrate rate = rate_of(track);
    largest.peak = std::max(largest.peak, rate.peak);
    largest.average = std::max(largest.average, rate.average);
  }
  if (cuts <= measured) return std::nullopt;
  return Bitrate{sum.peak + largest.peak, sum.average + largest.average};
}

}  // namespace

Bitrate measure_bitrate(const Timeline& timeline, const Presentation& presentation, const Stretch& stretch,
                        const OutputSettings& settings, const Download& download) {
  const bool is_ts = settings.protocol == Protocol::hls;
  const auto samples = samples_of(timeline, presentation, stretch, is_ts, download);
  std::uint64_t target = settings.segment_duration;
  if (!presentation.generations.empty()) {
    target = std::max<std::uint64_t>(target, presentation.generations.back().target_duration);
  }
  Sample present;
  for (const auto& sample : samples) {
    if (sample.bytes == 0) continue;
    present.bytes += sample.bytes;
    present.microseconds += sample.microseconds;
  }
  Bitrate measured{peak_of(samples, target * 500'000), bitrate(present)};
  if (const auto kept = kept_rate(presentation, stretch, is_ts, download, samples.size())) {
    measured.average = kept->average;
    measured.peak = std::max(measured.peak, kept->peak);
  }
  measured.peak = std::max(measured.peak, measured.average);
  return measured;
}

std::vector<std::uint32_t> note_rates(const Timeline& timeline, Presentation& presentation) {
  std::vector<std::uint32_t> changed;
  std::uint64_t through = 0;
  for (const auto& [id, rates] : presentation.rates) {
    for (const auto& [track, rate] : *rates) through = std::max(through, rate.through);
  }
  const auto& cuts = presentation.cuts;
  const auto first =
      std::partition_point(cuts.begin(), cuts.end(), [&](const Cut& cut) { return cut.number <= through; });
  for (auto i = static_cast<std::size_t>(first - cuts.begin()); i < cuts.size(); ++i) {
    const Cut cut = cuts[i];
    const Stretch* const stretch = timeline.stretch(cut.stretch);
    if (stretch == nullptr || timeline.find(cut.first_slot) == nullptr) continue;
    auto& rates = presentation.rates[cut.stretch];
    auto next = std::make_shared<TrackRates>(rates == nullptr ? TrackRates{} : *rates);
    for (const Track& track : stretch->tracks)
      note_rate(timeline, presentation, *stretch, i, track.id, (*next)[track.id]);
    rates = std::move(next);
    if (changed.empty() || changed.back() != cut.stretch) changed.push_back(cut.stretch);
  }
  return changed;
}

}  // namespace tarn::timeline
