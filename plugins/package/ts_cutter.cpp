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
// What begins so little behind the end of a segment goes on from there: frames of other streams do not begin
// at the same times.
constexpr std::int64_t joint = clock_rate / 10;
// A stream without sync samples is cut all the same.
constexpr std::size_t max_units = 20'000;

}  // namespace

TsCutter::Added TsCutter::add(InputId id, TsUnit unit) {
  Input& input = inputs_[id];
  if (!input.units.empty() && unit.dts < input.units.back().dts) return Added::goes_back;
  if (cursor_ && unit.dts + unit.duration + tolerance < *cursor_) return Added::too_late;
  input.info = unit.info;
  input.missing = false;
  input.position = std::max(input.position.value_or(unit.dts), unit.dts + unit.duration);
  input.units.push_back(std::move(unit));
  return Added::yes;
}

void TsCutter::advance(InputId id, std::int64_t time) {
  Input& input = inputs_[id];
  input.missing = false;
  input.position = std::max(input.position.value_or(time), time);
}

void TsCutter::forget(InputId id) {
  Input& input = inputs_[id];
  input.units.clear();
  input.position.reset();
  input.ended = input.missing = false;
  cursor_.reset();
  due_.reset();
  was_without_ = false;
}

bool TsCutter::all_ended() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const auto& entry) { return entry.second.ended; });
}

bool TsCutter::is_missing(InputId id) const {
  const auto at = inputs_.find(id);
  return at != inputs_.end() && at->second.missing;
}

std::optional<std::int64_t> TsCutter::foremost() const {
  std::optional<std::int64_t> time;
  for (const auto& [id, input] : inputs_) {
    if (input.position) time = std::max(time.value_or(*input.position), *input.position);
  }
  return time;
}

// Of the next segment.
std::optional<std::int64_t> TsCutter::begin() const {
  if (cursor_) return cursor_;
  std::optional<std::int64_t> first;
  for (const auto& [id, input] : inputs_) {
    if (input.units.empty()) continue;
    first = std::min(first.value_or(input.units.front().dts), input.units.front().dts);
  }
  return first;
}

// A segment's length of it is due and has not come.
bool TsCutter::is_silent(const Input& reference) const {
  const auto from = begin();
  return due_ && from && !reference.ended && reference.position.value_or(*from) + wanted_ <= *due_;
}

// Once every input is known for what it is, or overdue; another one when the one before has nothing more.
TsCutter::Input* TsCutter::find_reference() {
  const auto is_video = [](const Input& input) { return input.kind == codecs::Kind::video; };
  Input* found = nullptr;
  for (auto& [id, input] : inputs_) {
    if (input.ended && input.units.empty()) continue;
    if (!input.kind) {
      if (is_silent(input)) continue;
      return nullptr;
    }
    if (found != nullptr && (is_video(*found) || !is_video(input))) continue;
    found = &input;
    reference_ = id;
  }
  return found;
}

std::optional<TsCutter::End> TsCutter::find_end(const Input& reference) const {
  const auto& units = reference.units;
  if (units.empty()) {
    if (!is_silent(reference)) return std::nullopt;
    return end_without(reference, std::numeric_limits<std::int64_t>::max());
  }
  // What is left of a hole is for itself, too.
  if (cursor_ && units.front().dts > *cursor_ + (was_without_ ? tolerance : wanted_)) {
    if (const auto end = end_without(reference, units.front().dts)) return end;
  }
  if (const auto end = end_of_units(reference)) return end;
  if (!reference.ended && !is_silent(reference)) return std::nullopt;
  return End{units.front().dts, units.back().end(), units.size(), reference.ended};
}

// Of the reference's units, where they make a whole segment.
std::optional<TsCutter::End> TsCutter::end_of_units(const Input& reference) const {
  const auto& units = reference.units;
  const bool cuts_anywhere = reference.kind == codecs::Kind::audio;
  for (std::size_t i = 1; i < units.size(); ++i) {
    const TsUnit& before = units[i - 1];
    const bool is_long = units[i].dts - units.front().dts + tolerance >= wanted_;
    const bool is_other = units[i].info != before.info;
    const bool may_begin = cuts_anywhere || units[i].sync;
    const std::int64_t begin = units.front().dts;
    if (may_begin && units[i].dts - before.end() > wanted_) return End{begin, before.end(), i, false};
    if ((may_begin && (is_long || is_other)) || i >= max_units) return End{begin, units[i].dts, i, false};
  }
  return std::nullopt;
}

std::optional<std::int64_t> TsCutter::first_of_others(const Input& reference) const {
  std::optional<std::int64_t> first;
  for (const auto& [id, input] : inputs_) {
    if (&input == &reference || input.units.empty()) continue;
    first = std::min(first.value_or(input.units.front().dts), input.units.front().dts);
  }
  return first;
}

// A segment of the others alone, where the reference has nothing before `limit`. Nothing: neither have they.
std::optional<TsCutter::End> TsCutter::end_without(const Input& reference, std::int64_t limit) const {
  const auto from = first_of_others(reference);
  if (!from || *from >= limit) return std::nullopt;
  // Where nobody has anything there is no segment.
  const std::int64_t begin = cursor_ && *from <= *cursor_ + joint ? *cursor_ : *from;
  const std::int64_t time = std::min(begin + wanted_, limit);
  // The reference may still bring something before that.
  if (reference.units.empty() && is_awaited(reference, time)) return std::nullopt;
  return End{begin, time, 0, false};
}

// Something of it that is decoded before `until` may still come.
bool TsCutter::is_awaited(const Input& input, std::int64_t until) const {
  if (input.ended || (input.position && *input.position >= until)) return false;
  return !due_ || until > *due_;
}

// Something that belongs into this segment may still come. Behind the last one what little the others have
// left goes with it, so it is waited for until it is known how much that is.
bool TsCutter::is_waited_for(const Input& reference, const End& end) const {
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
    return &entry.second != &reference && is_awaited(entry.second, awaited_until(end));
  });
}

bool TsCutter::takes_rest(const Input& reference, const End& end) const {
  return end.is_last && std::all_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
           const Input& input = entry.second;
           if (&input == &reference) return true;
           return input.ended && (input.units.empty() || input.units.back().dts < end.time + wanted_);
         });
}

void TsCutter::note_missing(const Input& reference, const End& end) {
  for (auto& [id, input] : inputs_) {
    const bool has_brought = input.ended || (input.position && *input.position >= end.time);
    const bool is_short = &input == &reference ? is_silent(input) : !has_brought;
    if (is_short) input.missing = true;
  }
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
  note_missing(*reference, *end);
  TsSegment segment{end->begin, end->time, end->begin, true, {}};
  if (end->count > 0) {
    segment.shown = reference->units.front().pts;
    segment.independent = reference->units.front().sync;
  }
  const std::int64_t limit =
      takes_rest(*reference, *end) ? std::numeric_limits<std::int64_t>::max() : end->time;
  for (auto& [id, input] : inputs_) {
    const auto later = std::partition_point(input.units.begin(), input.units.end(),
                                            [&](const TsUnit& unit) { return unit.dts < limit; });
    const auto count =
        &input == reference ? end->count : static_cast<std::size_t>(later - input.units.begin());
    if (input.info) segment.tracks.push_back(take_track(input, count));
  }
  cursor_ = end->time;
  was_without_ = end->count == 0;
  return segment;
}

std::optional<TsCutter::InputId> TsCutter::waits_for(InputId id) const {
  const auto at = inputs_.find(id);
  if (at == inputs_.end() || at->second.units.empty()) return std::nullopt;
  const Input& mine = at->second;
  if (*mine.position - mine.units.front().dts <= 2 * wanted_ + slack + allowance_) return std::nullopt;
  for (const auto& [other_id, other] : inputs_) {
    if (&other != &mine && is_awaited(other, *mine.position)) return other_id;
  }
  return std::nullopt;
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
