// SPDX-License-Identifier: Apache-2.0
#include "package/ts_cutter.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "core/base/time.h"
#include "core/mpegts/segment_writer.h"
#include "package/ts_tracks.h"

namespace tarn::package {
namespace {

constexpr std::int64_t clock_rate = 90'000;
// Times come rounded from nanoseconds: a segment that lacks so little is long enough.
constexpr std::int64_t tolerance = clock_rate / 200;
// How far ahead of another input one may be beyond two segments.
constexpr std::int64_t slack = 10 * clock_rate;
// A stream without sync samples is cut all the same.
constexpr std::size_t max_units = 20'000;

}  // namespace

bool TsCutter::add(InputId id, TsUnit unit) {
  Input& input = inputs_[id];
  if (!input.units.empty() && unit.dts < input.units.back().dts) return false;
  input.info = unit.info;
  input.position = std::max(input.position.value_or(unit.dts), unit.dts + unit.duration);
  input.units.push_back(std::move(unit));
  return true;
}

void TsCutter::advance(InputId id, std::int64_t time) {
  Input& input = inputs_[id];
  input.position = std::max(input.position.value_or(time), time);
}

void TsCutter::forget(InputId id) {
  Input& input = inputs_[id];
  input.units.clear();
  input.position.reset();
  input.ended = false;
}

bool TsCutter::all_ended() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const auto& entry) { return entry.second.ended; });
}

// Once every input is known for what it is; another one when the one before has nothing more.
TsCutter::Input* TsCutter::find_reference() {
  const auto is_over = [](const Input& input) { return input.ended && input.units.empty(); };
  if (reference_) {
    const auto at = inputs_.find(*reference_);
    if (at != inputs_.end() && !is_over(at->second)) return &at->second;
    reference_.reset();
  }
  Input* found = nullptr;
  InputId best = 0;
  for (auto& [id, input] : inputs_) {
    if (is_over(input)) continue;
    if (!input.kind) return nullptr;
    const bool is_better =
        found == nullptr || (input.kind == codecs::Kind::video && found->kind != codecs::Kind::video);
    if (!is_better) continue;
    found = &input;
    best = id;
  }
  if (found != nullptr) reference_ = best;
  return found;
}

std::optional<TsCutter::End> TsCutter::find_end(const Input& reference) const {
  const auto& units = reference.units;
  if (units.empty()) return std::nullopt;
  const bool cuts_anywhere = reference.kind == codecs::Kind::audio;
  for (std::size_t i = 1; i < units.size(); ++i) {
    const bool is_long = units[i].dts - units.front().dts + tolerance >= wanted_;
    const bool is_other = units[i].info != units[i - 1].info;
    const bool may_begin = cuts_anywhere || units[i].sync;
    if ((may_begin && (is_long || is_other)) || i >= max_units) return End{units[i].dts, i, false};
  }
  if (!reference.ended) return std::nullopt;
  return End{std::max(units.back().dts + units.back().duration, units.back().dts + 1), units.size(), true};
}

// Something that belongs into this segment may still come. Behind the last one what little the others have
// left goes with it, so it is waited for until it is known how much that is.
bool TsCutter::is_waited_for(const Input& reference, const End& end) const {
  const std::int64_t until = end.is_last ? end.time + wanted_ : end.time;
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
    const Input& input = entry.second;
    return &input != &reference && !input.ended && (!input.position || *input.position < until);
  });
}

bool TsCutter::takes_rest(const Input& reference, const End& end) const {
  return end.is_last && std::all_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
           const Input& input = entry.second;
           if (&input == &reference) return true;
           return input.ended && (input.units.empty() || input.units.back().dts < end.time + wanted_);
         });
}

TsSegment::Track TsCutter::take_track(Input& input, std::size_t count) {
  TsSegment::Track track{input.language, count > 0 ? input.units.front().info : input.info, {}};
  const auto end = input.units.begin() + static_cast<std::ptrdiff_t>(count);
  track.units.assign(std::make_move_iterator(input.units.begin()), std::make_move_iterator(end));
  input.units.erase(input.units.begin(), end);
  return track;
}

std::optional<TsSegment> TsCutter::take() {
  Input* const reference = find_reference();
  if (reference == nullptr) return std::nullopt;
  const auto end = find_end(*reference);
  if (!end || is_waited_for(*reference, *end)) return std::nullopt;
  const TsUnit& first = reference->units.front();
  TsSegment segment{first.dts, end->time, first.pts, first.sync, {}};
  const std::int64_t limit =
      takes_rest(*reference, *end) ? std::numeric_limits<std::int64_t>::max() : end->time;
  for (auto& [id, input] : inputs_) {
    const auto later = std::partition_point(input.units.begin(), input.units.end(),
                                            [&](const TsUnit& unit) { return unit.dts < limit; });
    const auto count =
        &input == reference ? end->count : static_cast<std::size_t>(later - input.units.begin());
    if (input.info) segment.tracks.push_back(take_track(input, count));
  }
  return segment;
}

bool TsCutter::is_ahead(InputId id) const {
  const auto at = inputs_.find(id);
  if (at == inputs_.end() || at->second.units.empty()) return false;
  const Input& mine = at->second;
  if (*mine.position - mine.units.front().dts <= 2 * wanted_ + slack) return false;
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
    const Input& other = entry.second;
    return &other != &mine && !other.ended && (!other.position || *other.position < *mine.position);
  });
}

// ---- writing

namespace {

using Track = TsSegment::Track;

// Where a track's parameters change inside of the segment: what comes before and after is written for itself.
// Such pieces follow each other as segments do.
std::set<std::int64_t> changes_in(const TsSegment& segment) {
  std::set<std::int64_t> times;
  for (const Track& track : segment.tracks) {
    for (std::size_t i = 1; i < track.units.size(); ++i) {
      if (track.units[i].info != track.units[i - 1].info) times.insert(track.units[i].dts);
    }
  }
  return times;
}

Status write_piece(const TsSegment& segment, std::int64_t from, std::int64_t until, ByteVector& out) {
  std::vector<mpegts::Stream> streams;
  std::vector<TsEvent> events;
  bool has_samples = false;
  for (const Track& track : segment.tracks) {
    mpegts::Stream& stream = streams.emplace_back();
    stream.info = *track.info;
    stream.language = track.language;
    for (const TsUnit& unit : track.units) {
      if (unit.dts < from) stream.info = *unit.info;
      if (unit.dts < from || unit.dts >= until) continue;
      if (stream.samples.empty()) stream.info = *unit.info;
      stream.samples.push_back({unit.dts, unit.pts, unit.data.bytes(), unit.sync});
      for (const codecs::EventMessage& message : unit.events) {
        events.push_back(
            {unit.dts, unit.pts + rescale(message.delta, unit.info->timescale, clock_rate), message});
      }
    }
    decode_in_time(stream.samples);
    has_samples = has_samples || !stream.samples.empty();
  }
  if (!has_samples) return {};
  const ByteVector bytes = TRY(mpegts::write_segment(streams, metadata_of(events)));
  if (out.empty()) out.reserve(bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
  return {};
}

}  // namespace

Result<ByteVector> write(const TsSegment& segment) {
  ByteVector out;
  std::int64_t from = std::numeric_limits<std::int64_t>::min();
  for (const std::int64_t until : changes_in(segment)) {
    TRY(write_piece(segment, from, until, out));
    from = until;
  }
  TRY(write_piece(segment, from, std::numeric_limits<std::int64_t>::max(), out));
  return out;
}

}  // namespace tarn::package
