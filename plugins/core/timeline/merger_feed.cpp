// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/merger_feed.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tarn::timeline {
namespace {

constexpr std::size_t least_samples = 8;
constexpr std::size_t most_samples = 128;
constexpr Microseconds same_place{50'000};
constexpr std::size_t lengths = 4;  // of segments that are looked back upon; one of them may be cut short

bool is_copy(const Arrived& a, const Arrived& b) {
  const std::int64_t apart =
      a.unit.start < b.unit.start ? b.unit.start - a.unit.start : a.unit.start - b.unit.start;
  return apart * 2 < std::min(a.unit.duration, b.unit.duration);
}

}  // namespace

void ArrivalHistory::add(Microseconds media_end, Monotonic at, Microseconds span) {
  samples_.push_back({media_end, at.time_since_epoch() - media_end});
  while (samples_.size() > least_samples &&
         (samples_.size() > most_samples || media_end - samples_.front().media_end > span)) {
    samples_.pop_front();
  }
  greatest_ = least_ = samples_.front().lag;
  for (const Sample& sample : samples_) {
    greatest_ = std::max(greatest_, sample.lag);
    least_ = std::min(least_, sample.lag);
  }
}

bool ArrivalHistory::is_early(Microseconds media_end, Monotonic at, Microseconds limit) const {
  return !samples_.empty() && at.time_since_epoch() - media_end < least_ - limit;
}

std::optional<Monotonic> ArrivalHistory::expected(Microseconds media_end, Microseconds period) const {
  if (samples_.empty()) return std::nullopt;
  std::optional<Microseconds> greatest;
  for (const Sample& sample : samples_) {
    if (period.count() == 0 || media_end < sample.media_end) break;
    const Microseconds off = (media_end - sample.media_end + same_place) % period;
    if (off <= 2 * same_place) greatest = std::max(greatest.value_or(sample.lag), sample.lag);
  }
  return Monotonic{greatest.value_or(greatest_) + media_end};
}

bool TrackFeed::insert(Arrived arrived) {
  const std::int64_t end = arrived.unit.start + arrived.unit.duration;
  auto at = units.end();
  while (at != units.begin() && std::prev(at)->unit.start > arrived.unit.start) --at;
  if (at != units.end() && is_copy(*at, arrived)) return false;
  if (at != units.begin() && is_copy(*std::prev(at), arrived)) return false;
  units.insert(at, std::move(arrived));
  seen_end = std::max(seen_end.value_or(end), end);
  segment_over = false;
  return true;
}

bool TrackFeed::is_over(Microseconds span) const {
  if (units.size() < 2) return false;
  if (units.size() > (is_video() ? held_gops : held_frames)) return true;
  const Unit& last = units.back().unit;
  return to_microseconds(last.start + last.duration - units.front().unit.start, timescale()) > span;
}

Session::Session(std::uint64_t number, std::vector<TrackDescription> descriptions)
    : serial{number}, reference{pick_reference(descriptions)} {
  for (TrackDescription& description : descriptions)
    tracks.emplace_back().description = std::move(description);
}

const TrackFeed* Session::find(const std::string& key) const {
  const auto at = std::find_if(tracks.begin(), tracks.end(),
                               [&](const TrackFeed& feed) { return feed.description.key == key; });
  return at == tracks.end() ? nullptr : &*at;
}

TrackFeed* Session::find(const std::string& key) {
  return const_cast<TrackFeed*>(std::as_const(*this).find(key));
}

Microseconds Session::period() const {
  if (segment_lengths.size() < lengths || reference >= tracks.size() || !tracks[reference].is_video())
    return Microseconds{0};
  const Microseconds longest = *std::max_element(segment_lengths.begin(), segment_lengths.end());
  const auto shorter = std::count_if(segment_lengths.begin(), segment_lengths.end(),
                                     [&](Microseconds length) { return length + same_place < longest; });
  return shorter <= 1 ? longest : Microseconds{0};
}

void Session::add_segment_length(Microseconds length) {
  longest_segment = std::max(longest_segment, length);
  segment_lengths.push_back(length);
  if (segment_lengths.size() > lengths) segment_lengths.pop_front();
}

bool Session::every_track_came() const {
  return std::all_of(tracks.begin(), tracks.end(),
                     [](const TrackFeed& feed) { return feed.seen_end.has_value() || feed.is_text(); });
}

std::optional<Microseconds> Session::newest_end() const {
  std::optional<Microseconds> newest;
  for (const TrackFeed& track : tracks) {
    if (track.is_text() || !track.seen_end) continue;
    const Microseconds end = to_microseconds(*track.seen_end, track.timescale());
    newest = std::max(newest.value_or(end), end);
  }
  return newest;
}

bool Session::is_silent(const TrackFeed& track, std::optional<Microseconds> newest, Microseconds patience,
                        Monotonic now) const {
  if (track.is_text() || !first_at) return false;
  if (!track.seen_end) return now - *first_at > patience;
  return newest && *newest - to_microseconds(*track.seen_end, track.timescale()) > patience;
}

std::optional<Utc> Session::utc_of(Microseconds media) const {
  const TimeMark* best = nullptr;
  for (const TimeMark& mark : marks) {
    const bool before = mark.media <= media;
    const bool best_before = best != nullptr && best->media <= media;
    const bool nearer = best == nullptr || (before ? !best_before || mark.media >= best->media
                                                   : !best_before && mark.media < best->media);
    if (nearer) best = &mark;
  }
  if (best == nullptr) return std::nullopt;
  return best->utc + (media - best->media);
}

bool same_media(const TrackDescription& a, const TrackDescription& b) {
  return a.key == b.key && a.info == b.info && a.language == b.language && a.name == b.name &&
         a.is_default == b.is_default && a.is_autoselect == b.is_autoselect && a.is_forced == b.is_forced &&
         a.characteristics == b.characteristics &&
         std::equal(a.variants.begin(), a.variants.end(), b.variants.begin(), b.variants.end(),
                    [](const VariantUse& x, const VariantUse& y) { return x.variant == y.variant; });
}

std::size_t pick_reference(const std::vector<TrackDescription>& tracks) {
  const auto kind = [](const TrackDescription& track) { return codecs::kind_of(track.info.codec); };
  std::size_t best = tracks.size();
  std::uint64_t best_variant = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (kind(tracks[i]) != codecs::Kind::video) continue;
    const std::uint64_t variant =
        tracks[i].variants.empty() ? std::uint64_t{1} << 32 : tracks[i].variants.front().variant;
    if (variant >= best_variant) continue;
    best = i;
    best_variant = variant;
  }
  for (std::size_t i = 0; i < tracks.size() && best == tracks.size(); ++i) {
    if (kind(tracks[i]) == codecs::Kind::audio) best = i;
  }
  return best;
}

}  // namespace tarn::timeline
