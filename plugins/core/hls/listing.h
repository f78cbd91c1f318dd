// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"
#include "core/timeline/window.h"

namespace tarn::hls {

// One cut of a playlist, with what it belongs to.
struct Listed {
  const timeline::Cut* cut = nullptr;
  const timeline::Cut* previous = nullptr;  // the cut before it, if still recorded
  const timeline::Stretch* stretch = nullptr;
};

// The window's cuts whose slots are kept, oldest first; the last `settings.segments` of them when it slides.
std::vector<Listed> listed_cuts(const timeline::Timeline& timeline, const timeline::OutputSettings& settings,
                                const timeline::Window& window);

}  // namespace tarn::hls
