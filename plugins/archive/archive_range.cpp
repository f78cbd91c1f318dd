// SPDX-License-Identifier: Apache-2.0
#include "archive/archive_range.h"

#include <algorithm>
#include <utility>

#include "gstkit/time.h"

namespace tarn {

ArchiveRange::ArchiveRange(std::shared_ptr<const timeline::Timeline> timeline, std::uint64_t first,
                           std::uint64_t end)
    : timeline_(std::move(timeline)), first_(0), end_(0) {
  if (timeline_->empty()) return;
  first_ = std::clamp(first, timeline_->first_slot(), timeline_->end_slot());
  end_ = std::clamp(end, first_, timeline_->end_slot());
}

template <class Visit>
void ArchiveRange::each_part(Visit visit) const {
  for (std::uint64_t at = first_; at < end_;) {
    const auto slot = timeline_->find(at);
    const timeline::Stretch* stretch = timeline_->stretch(slot->stretch);
    const timeline::Track* reference = stretch == nullptr ? nullptr : stretch->find(stretch->reference);
    const auto next = timeline_->stretches.upper_bound(slot->stretch);
    Part part{.first = at,
              .end = end_,
              .start = slot->start,
              .timescale = reference == nullptr ? 1 : reference->description.info.timescale};
    if (next != timeline_->stretches.end()) part.end = std::clamp(next->second->first_slot, at + 1, end_);
    if (!visit(part)) return;
    at = part.end;
  }
}

GstClockTime ArchiveRange::length(const Part& part, std::uint64_t end) const {
  if (end <= part.first) return 0;
  return gstkit::to_clock_time(timeline_->find(end - 1)->end - part.start, part.timescale);
}

GstClockTime ArchiveRange::time_of(std::uint64_t slot) const {
  GstClockTime time = 0;
  each_part([&](const Part& part) {
    time += length(part, std::min(slot, part.end));
    return slot > part.end;
  });
  return time;
}

std::uint64_t ArchiveRange::slot_at(GstClockTime time) const {
  std::uint64_t found = end_;
  each_part([&](const Part& part) {
    const GstClockTime whole = length(part, part.end);
    if (time >= whole) {
      time -= whole;
      return true;
    }
    std::uint64_t low = part.first;
    for (std::uint64_t high = part.end; low + 1 < high;) {
      const std::uint64_t middle = low + (high - low) / 2;
      (length(part, middle) <= time ? low : high) = middle;
    }
    found = low;
    return false;
  });
  return found;
}

GstClockTime ArchiveRange::media_time_of(std::uint64_t slot) const {
  GstClockTime time = 0;
  each_part([&](const Part& part) {
    if (slot >= part.end) return true;
    time = gstkit::to_clock_time(timeline_->find(slot)->start, part.timescale);
    return false;
  });
  return time;
}

ArchiveRange::Stretch ArchiveRange::stretch_of(std::uint64_t slot) const {
  Stretch found;
  each_part([&](const Part& part) {
    found = {part.first, part.end};
    return slot >= part.end;
  });
  return found;
}

}  // namespace tarn
