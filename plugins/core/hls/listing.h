// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"
#include "core/timeline/window.h"

namespace tarn::hls {

// One cut of a playlist, with what it belongs to. Refers to the timeline.
struct Listed {
  const timeline::CutList* cuts = nullptr;
  std::size_t index = 0;
  const timeline::Stretch* stretch = nullptr;

  [[nodiscard]] timeline::Cut cut() const { return (*cuts)[index]; }
  // The cut before it, if still recorded.
  [[nodiscard]] timeline::Found<timeline::Cut> previous() const {
    if (index == 0) return nullptr;
    return (*cuts)[index - 1];
  }
};

// The window's cuts whose slots are kept, oldest first; the last `settings.segments` of them when it slides.
std::vector<Listed> listed_cuts(const timeline::Timeline& timeline, const timeline::OutputSettings& settings,
                                const timeline::Window& window);

}  // namespace tarn::hls
