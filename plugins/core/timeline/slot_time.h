// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/timeline/timeline.h"

namespace tarn::timeline {

// Wall-clock time at which a slot of the timeline ends (semantics S13).
inline Utc end_of(const Timeline& timeline, const SlotView& slot) {
  const Stretch* stretch = timeline.stretch(slot.stretch);
  const Track* ruler = stretch == nullptr ? nullptr : stretch->find(stretch->reference);
  if (ruler == nullptr) return slot.utc;
  return slot.utc + to_microseconds(slot.end - slot.start, ruler->description.info.timescale);
}

}  // namespace tarn::timeline
