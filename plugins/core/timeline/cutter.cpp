// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/cutter.h"

#include <algorithm>
#include <limits>

#include "core/timeline/key_periods.h"

namespace tarn::timeline {
namespace {

__extension__ typedef __int128 Wide;

std::int64_t clamped(Wide value) {
  constexpr Wide highest = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp<Wide>(value, 0, highest));
}

std::int64_t span(std::int64_t start, std::int64_t end) { return clamped(Wide{end} - start); }

Wide ticks_of(std::uint32_t seconds, std::uint32_t timescale) { return Wide{seconds} * timescale; }

}  // namespace

std::int64_t cut_tolerance(const Stretch& stretch) {
  const Track* reference = stretch.find(stretch.reference);
  if (reference == nullptr) return 0;
  const codecs::StreamInfo& info = reference->description.info;
  if (codecs::kind_of(info.codec) != codecs::Kind::audio) return 0;
  // 20 frames a second is fewer than any codec has whose frames vary.
  return info.samples_per_frame > 0 ? info.samples_per_frame : info.timescale / 20;
}

Cutter::Cutter(Generation generation, std::uint32_t channel_segment_duration, Anchor anchor)
    : generation_{generation}, channel_segment_duration_{channel_segment_duration}, anchor_{anchor} {}

void Cutter::note_longest(const Length& gop) {
  const Wide have = Wide{longest_.ticks} * gop.timescale;
  const Wide seen = Wide{gop.ticks} * longest_.timescale;
  if (seen > have) longest_ = gop;
}

// S6. Until the first cut fixes it: what it would be fixed to now.
std::uint32_t Cutter::target() const {
  if (generation_.target_duration != 0) return generation_.target_duration;
  const std::uint32_t least = std::max({generation_.segment_duration, channel_segment_duration_, 1U});
  if (longest_.ticks <= 0) return least;
  const Wide gop = longest_.ticks;
  const Wide wanted = ticks_of(generation_.segment_duration, longest_.timescale) - longest_.tolerance;
  const Wide gops = std::max<Wide>((wanted + gop - 1) / gop, 1);
  const Wide seconds = (gops * gop - longest_.tolerance + longest_.timescale - 1) / longest_.timescale;
  constexpr Wide highest = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<Wide>(seconds, least, highest));
}

bool Cutter::fits(const SlotView& slot) const {
  const Wide length = span(open_start_, slot.end);
  return length <= ticks_of(target(), open_timescale_) + open_tolerance_;
}

bool Cutter::goes_on(const SlotView& slot) const {
  const Utc date = open_utc_ + to_microseconds(slot.start - open_start_, open_timescale_);
  return slot.stretch == open_stretch_ && slot.number == anchor_.first_slot + open_slots_ &&
         !is_clock_step(date, slot.utc);
}

void Cutter::open(const SlotView& slot, const Length& gop) {
  // RFC 8216bis 4.4.3.1: a duration, rounded to the nearest second, may not exceed the target.
  const Wide twice_limit = 2 * ticks_of(generation_.target_duration, gop.timescale) + gop.timescale;
  const bool is_too_long = generation_.target_duration != 0 && 2 * Wide{gop.ticks} >= twice_limit;
  // Dates never go back, and a generation that has not begun has no keys yet.
  const bool has_new_keys =
      generation_.start != Utc{} && key_period_at(generation_.key_period, slot.utc) >
                                        key_period_at(generation_.key_period, generation_.start);
  if (is_too_long || has_new_keys) next_generation(slot);
  if (is_too_long) generation_.target_duration = 0;
  open_discontinuity_ = anchor_.next_number > 1 && (is_too_long || slot.stretch != anchor_.stretch);
  open_utc_ = slot.utc;
  anchor_.first_slot = slot.number;
  open_slots_ = 0;
  open_stretch_ = slot.stretch;
  open_start_ = slot.start;
  open_timescale_ = gop.timescale;
  open_tolerance_ = gop.tolerance;
}

void Cutter::next_generation(const SlotView& slot) {
  ended_ = generation_;
  ++generation_.number;
  generation_.from_slot = slot.number;
  generation_.start = Utc{};
}

Cut Cutter::close_open(Utc now) {
  generation_.target_duration = target();
  if (generation_.start == Utc{}) generation_.start = open_utc_;
  if (open_discontinuity_) ++anchor_.discontinuity_sequence;
  Cut cut;
  cut.number = anchor_.next_number;
  cut.first_slot = anchor_.first_slot;
  cut.slot_count = open_slots_;
  cut.stretch = open_stretch_;
  cut.generation = generation_.number;
  cut.recorded = now;
  cut.discontinuity = open_discontinuity_;
  cut.discontinuity_sequence = anchor_.discontinuity_sequence;
  anchor_.stretch = open_stretch_;
  ++anchor_.next_number;
  anchor_.first_slot += open_slots_;
  open_slots_ = 0;
  return cut;
}

std::vector<Cut> Cutter::add(const SlotView& slot, std::uint32_t reference_timescale, Utc now,
                             std::int64_t tolerance) {
  std::vector<Cut> cuts;
  ended_.reset();
  if (slot.number < anchor_.first_slot + open_slots_) return cuts;
  const Length gop{span(slot.start, slot.end), std::max(reference_timescale, 1U),
                   std::max<std::int64_t>(tolerance, 0)};
  note_longest(gop);
  if (open_slots_ > 0 && (!goes_on(slot) || !fits(slot))) cuts.push_back(close_open(now));
  if (open_slots_ == 0) open(slot, gop);
  ++open_slots_;
  open_end_ = slot.end;
  const Wide wanted = ticks_of(generation_.segment_duration, open_timescale_) - open_tolerance_;
  if (span(open_start_, open_end_) >= wanted) cuts.push_back(close_open(now));
  return cuts;
}

std::optional<Cut> Cutter::close(Utc now) {
  ended_.reset();
  if (open_slots_ == 0) return std::nullopt;
  return close_open(now);
}

}  // namespace tarn::timeline
