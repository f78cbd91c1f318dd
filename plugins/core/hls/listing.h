// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"

namespace tarn::hls {

// One cut of a live playlist, with what it belongs to.
struct Listed {
  const timeline::Cut* cut = nullptr;
  const timeline::Cut* previous = nullptr;  // the cut before it, if still recorded
  const timeline::Stretch* stretch = nullptr;
};

// The last `settings.segments` cuts whose slots are kept, oldest first.
std::vector<Listed> live_cuts(const timeline::Timeline& timeline, const timeline::OutputSettings& settings);

}  // namespace tarn::hls
