// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "core/timeline/merger_impl.h"

// S4: what listed slots lack, and what comes for it afterwards.
namespace tarn::timeline {
namespace {

constexpr std::size_t remembered_parts = 64;

std::int64_t distance(std::int64_t a, std::int64_t b) { return a < b ? b - a : a - b; }

}  // namespace

// The open slot has nothing of the track, whose edge was at `from`. Subtitles that are late go into the next
// slots (S17).
void Merger::Impl::note_missing(TrackState& track, std::int64_t from) const {
  const std::int64_t slot_end = slot_end_in(track);
  if (track.kind == codecs::Kind::text || from >= track.edge) return;
  if (!track.missing.empty()) {
    MissingPart& before = track.missing.back();
    if (before.slot + 1 == slot_->number && before.to == from) before.to = from = before.slot_end;
  }
  track.missing.push_back({slot_->number, from, track.edge, slot_end});
  if (track.missing.size() > remembered_parts) track.missing.pop_front();
}

// The open slot's part begins at `next`, and the slot before has nothing: what lies between them would have
// been its.
void Merger::Impl::extend_missing(TrackState& track, std::int64_t next) const {
  if (track.missing.empty()) return;
  MissingPart& before = track.missing.back();
  if (before.slot + 1 == slot_->number && before.to == track.edge) before.to = next;
}

bool Merger::Impl::is_missing(const TrackState& track, std::int64_t time) {
  return std::any_of(track.missing.begin(), track.missing.end(),
                     [&](const MissingPart& part) { return time >= part.from && time < part.to; });
}

// What came late waits for the rest of its part, but not for ever: the journal keeps it for as long.
void Merger::Impl::forget_late(TrackState& track) {
  std::erase_if(track.late, [&](const LateUnit& unit) { return now_ - unit.arrived.at > pace() * 5; });
}

void Merger::Impl::keep_late(TrackState& track, LateUnit unit) {
  if (!is_missing(track, unit.middle())) return;
  const auto at = std::find_if(track.late.begin(), track.late.end(),
                               [&](const LateUnit& other) { return other.middle() > unit.middle(); });
  const auto is_copy = [&](const LateUnit& other) {
    return distance(other.position, unit.position) * 2 <
           std::min(other.arrived.unit.duration, unit.arrived.unit.duration);
  };
  if (at != track.late.end() && is_copy(*at)) return;
  if (at != track.late.begin() && is_copy(*std::prev(at))) return;
  track.late.insert(at, std::move(unit));
}

void Merger::Impl::repair(TrackState& track) {
  for (std::size_t missing = 0; missing < track.missing.size();) {
    const auto at = std::find_if(track.late.begin(), track.late.end(), [&](const LateUnit& unit) {
      return unit.middle() >= track.missing[missing].from;
    });
    const auto unit = static_cast<std::size_t>(at - track.late.begin());
    const std::vector<std::size_t> counts = cover(track, missing, unit);
    if (counts.empty()) {
      ++missing;
    } else {
      decide_repaired(track, missing, unit, counts);
    }
  }
}

// How many units, from `unit` on, each part from `missing` on gets, so that they cover these parts and
// end where the last of them does. A GOP may cross the bounds between them: the encoder's are not known where
// nothing came. Empty: they do not.
std::vector<std::size_t> Merger::Impl::cover(const TrackState& track, std::size_t missing,
                                             std::size_t unit) const {
  std::vector<std::size_t> counts{0};
  std::int64_t end = track.missing[missing].from;
  for (; unit < track.late.size(); ++unit) {
    const LateUnit& late = track.late[unit];
    const std::int64_t tolerated = tolerance(track, late.arrived.unit, false);
    if (distance(late.position, end) > tolerated) return {};
    if (counts == std::vector<std::size_t>{0} && !late.arrived.unit.sync) return {};
    const MissingPart* part = &track.missing[missing];
    if (late.middle() >= part->to) {
      if (counts.back() == 0 || ++missing == track.missing.size()) return {};
      const MissingPart* next = &track.missing[missing];
      if (next->slot != part->slot + 1 || next->from != part->to || late.middle() >= next->to) return {};
      counts.push_back(0);
      part = next;
    }
    ++counts.back();
    end = late.end();
    if (distance(end, part->to) <= tolerated) return counts;
  }
  return {};
}

// S35, of the first unit of a part: what lies before it is known where it was used or repaired not long ago.
bool Merger::Impl::is_detached_late(const TrackState& track, const LateUnit& unit) const {
  if (track.kind != codecs::Kind::video) return false;
  const std::int64_t half = unit.arrived.unit.duration / 2;
  const auto continues = [&](InputId input, std::uint64_t digest) {
    return input == unit.input || (digest != 0 && digest == unit.arrived.before);
  };
  if (const auto& before = track.repaired; before && distance(before->end, unit.position) < half)
    return !continues(before->input, before->digest);
  if (&track != &running_->ref()) {
    const auto next = std::find_if(track.used.begin(), track.used.end(),
                                   [&](const UsedCopy& one) { return one.position > unit.position - half; });
    if (next == track.used.begin()) return false;
    const UsedCopy& before = *std::prev(next);
    const bool is_near = (unit.position - before.position) * 2 <= unit.arrived.unit.duration * 3;
    return !is_near || !continues(before.input, before.digest);
  }
  const auto& recent = running_->recent;
  const auto next = std::find_if(recent.begin(), recent.end(),
                                 [&](const RecentSlot& slot) { return slot.start > unit.position - half; });
  if (next == recent.begin()) return false;
  const RecentSlot& before = *std::prev(next);
  return before.hole || !continues(before.input, before.digest);
}

void Merger::Impl::decide_repaired(TrackState& track, std::size_t missing, std::size_t unit,
                                   const std::vector<std::size_t>& counts) {
  const auto part_at = track.missing.begin() + static_cast<std::ptrdiff_t>(missing);
  const auto parts_end = part_at + static_cast<std::ptrdiff_t>(counts.size());
  auto late = track.late.begin() + static_cast<std::ptrdiff_t>(unit);
  const auto first = late;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    PartDecided part;
    part.slot = part_at[static_cast<std::ptrdiff_t>(i)].slot;
    part.track = track.id;
    part.input = late->input;
    part.start = late->position;
    part.independent = late->arrived.unit.sync;
    for (std::size_t n = 0; n < counts[i]; ++n, ++late) {
      const bool continues = late != first && std::prev(late)->input == late->input;
      if (!continues && is_detached_late(track, *late)) part.detached.push_back({n, late->input});
      part.payloads.push_back(std::move(late->arrived.unit.payload));
      ++inputs_[late->input].status.repaired;
    }
    const LateUnit& last = *std::prev(late);
    track.repaired = TrackState::Repaired{last.end(), last.input, last.arrived.unit.digest};
    decisions_.emplace_back(PartRepaired{std::move(part)});
  }
  // Another copy of it is not late: it is not needed.
  const MissingPart& last = *std::prev(parts_end);
  std::erase_if(track.holes, [from = part_at->from, to = last.to](const TrackState::Range& hole) {
    return hole.start >= from && hole.end <= to;
  });
  track.late.erase(first, late);
  track.missing.erase(part_at, parts_end);
}

}  // namespace tarn::timeline
