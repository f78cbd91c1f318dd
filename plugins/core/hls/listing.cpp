// SPDX-License-Identifier: Apache-2.0
#include "core/hls/listing.h"

#include <algorithm>

namespace tarn::hls {

std::vector<Listed> listed_cuts(const timeline::Timeline& timeline, const timeline::OutputSettings& settings,
                                const timeline::Window& window) {
  const timeline::Presentation* presentation = timeline.presentation(settings.endpoint);
  if (presentation == nullptr) return {};
  const auto& cuts = presentation->cuts;
  std::vector<Listed> listed;
  const std::size_t first = window.first.value_or(0);
  const std::size_t most = window.first ? cuts.size() : settings.segments;
  for (std::size_t i = std::min(window.end, cuts.size()); i > first && listed.size() < most;) {
    --i;
    Listed next;
    next.cut = &cuts[i];
    next.previous = i == 0 ? nullptr : &cuts[i - 1];
    next.stretch = timeline.stretch(next.cut->stretch);
    if (next.stretch == nullptr || timeline.find(next.cut->first_slot) == nullptr) break;
    listed.push_back(next);
  }
  std::reverse(listed.begin(), listed.end());
  return listed;
}

}  // namespace tarn::hls
