// SPDX-License-Identifier: Apache-2.0
#include "package/unit_dates.h"

#include <algorithm>
#include <utility>

namespace tarn::package {
namespace {

constexpr std::int64_t second = 90'000;
// Further ahead nothing is meant to be; a hole of an hour costs no more than `most_held` units of delay.
constexpr std::int64_t far = 3'600 * second;
constexpr std::size_t most_held = 32;

bool is_step(std::int64_t ticks) { return ticks > 0 && ticks <= second; }

}  // namespace

bool UnitDates::is_far(const CameUnit& unit) const { return last_ && unit.dts && *unit.dts - *last_ > far; }

// The last two say how far it is from unit to unit.
bool UnitDates::has_settled() const {
  if (held_.size() < 2) return false;
  const auto& before = held_[held_.size() - 2].dts;
  return before && held_.back().dts && is_step(*held_.back().dts - *before);
}

void UnitDates::note(const CameUnit& unit) {
  const auto time = unit.dts ? unit.dts : unit.pts;
  if (!time) return;
  if (last_ && is_step(*time - *last_)) step_ = *time - *last_;
  last_ = time;
}

std::vector<CameUnit> UnitDates::add(CameUnit unit, bool is_video) {
  if (!is_video && !unit.dts) unit.dts = unit.pts;
  const bool is_undated = !has_begun_ && !unit.dts && !unit.pts;
  if (held_.empty() && !is_undated && !is_far(unit)) {
    has_begun_ = true;
    note(unit);
    std::vector<CameUnit> one;
    one.push_back(std::move(unit));
    return one;
  }
  held_.push_back(std::move(unit));
  if (!has_begun_) {
    if (has_settled()) {
      date_first();
      return release();
    }
  } else if (held_.back().dts && !is_far(held_.back())) {
    move_to_next();
    return release();
  }
  return held_.size() < most_held ? std::vector<CameUnit>{} : release();
}

std::vector<CameUnit> UnitDates::finish() { return release(); }

// Decode times that parsers have made up may go back: the last two count.
void UnitDates::date_first() {
  const std::size_t known = held_.size() - 2;
  const std::int64_t step = *held_.back().dts - *held_[known].dts;
  for (std::size_t i = known; i-- > 0;) {
    const std::int64_t next = *held_[i + 1].dts;
    auto& dts = held_[i].dts;
    if (!dts || !is_step(next - *dts)) dts = next - step;
  }
  // What has no presentation time is shown before all that has one: a first key frame.
  auto shown = held_[known].pts.value_or(*held_[known].dts);
  for (const CameUnit& unit : held_) {
    if (unit.pts) shown = std::min(shown, *unit.pts);
  }
  for (std::size_t i = held_.size(); i-- > 0;) {
    if (held_[i].pts) continue;
    shown -= step;
    held_[i].pts = std::max(shown, *held_[i].dts);
  }
}

// What was far away comes right before the last one, which is where the stream goes on.
void UnitDates::move_to_next() {
  const std::int64_t next = *held_.back().dts;
  if (!last_ || next < *last_) return;
  const auto before = held_.end() - 2;
  const std::int64_t shift = next - step_ - before->dts.value_or(next - step_);
  for (auto unit = held_.begin(); unit != held_.end() - 1; ++unit) {
    if (unit->dts) unit->dts = std::clamp(*unit->dts + shift, *last_, next);
    if (unit->pts) *unit->pts += shift;
  }
}

std::vector<CameUnit> UnitDates::release() {
  std::vector<CameUnit> units;
  for (CameUnit& unit : held_) {
    note(unit);
    units.push_back(std::move(unit));
  }
  has_begun_ = has_begun_ || !held_.empty();
  held_.clear();
  return units;
}

}  // namespace tarn::package
