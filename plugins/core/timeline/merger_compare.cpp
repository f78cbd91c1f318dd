// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "core/timeline/merger_impl.h"

// What a failover would cost, said before there is one: copies of both inputs side by side.
namespace tarn::timeline {
namespace {

constexpr int enough = 3;  // one odd copy says nothing
// GOPs that lie across the timeline's are counted against those that fit, of which there are some wherever
// two structures meet again and again.
constexpr int enough_bounds = 6;
constexpr std::size_t remembered_copies = 64;

}  // namespace

void Merger::Impl::compare(Input& input, const RecentSlot& used, const Arrived& copy, std::int64_t position) {
  const Microseconds behind = copy.at - used.at;
  const Microseconds tolerated = input.status.lagging ? margin() / 2 : margin();
  input.status.lagging = behind > tolerated;
  inputs_[used.input].status.lagging = false;
  if (used.digest == 0 || copy.unit.digest == 0) return;
  const bool differs = used.digest != copy.unit.digest;
  int& run = input.differing;
  run = differs ? std::max(run, 0) + 1 : std::min(run, 0) - 1;
  if (run >= enough) input.status.different_content = true;
  if (run <= -enough) input.status.different_content = false;
  if (std::abs(run) > enough) run = run > 0 ? enough : -enough;
  if (!differs) {
    note_offset(input, 0);
    return;
  }
  input.copies.push_back({position, copy.unit.digest});
  if (input.copies.size() > remembered_copies) input.copies.pop_front();
  const auto same =
      std::find_if(running_->recent.rbegin(), running_->recent.rend(),
                   [&](const RecentSlot& slot) { return !slot.hole && slot.digest == copy.unit.digest; });
  if (same != running_->recent.rend()) note_offset(input, position - same->start);
}

// A GOP that is not needed began where a slot does, or inside of one.
void Merger::Impl::note_bounds(Input& input, const Arrived& copy, std::int64_t position, bool fits) const {
  const auto& recent = running_->recent;
  if (running_->ref().kind != codecs::Kind::video || !copy.unit.sync || active_ == input.id) return;
  if (recent.empty() || position < recent.front().start) return;
  int& count = input.other_gops;
  count = std::clamp(count + (fits ? -1 : 2), 0, enough_bounds);
  if (count == enough_bounds) input.status.different_gops = true;
  if (count == 0) input.status.different_gops = false;
}

// The other input may have sent this content before, for another time.
void Merger::Impl::look_for_copies(const RecentSlot& used) {
  if (used.digest == 0) return;
  for (Input& input : inputs_) {
    if (input.id == used.input) continue;
    const auto same = std::find_if(input.copies.rbegin(), input.copies.rend(),
                                   [&](const Input::Copy& copy) { return copy.digest == used.digest; });
    if (same != input.copies.rend()) note_offset(input, same->position - used.start);
  }
}

// The same content at another time, again and again by as much: the input is not aligned, even where its GOPs
// begin with the timeline's. It leaves, and comes back with a stretch of its own.
void Merger::Impl::note_offset(Input& input, std::int64_t offset) {
  Session* session = joined_session(input.id);
  if (session == nullptr) return;
  session->offset_copies = offset == 0                         ? 0
                           : offset == session->content_offset ? session->offset_copies + 1
                                                               : 1;
  session->content_offset = offset;
  if (session->offset_copies < enough || active_ == input.id) return;
  session->misplaced = true;
  session->stretch = 0;
}

}  // namespace tarn::timeline
