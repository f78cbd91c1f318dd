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
  const std::size_t end = std::min(window.end, cuts.size());
  listed.reserve(std::min(most, end - std::min(first, end)));
  for (std::size_t i = end; i > first && listed.size() < most;) {
    const timeline::Cut cut = cuts[--i];
    const timeline::Stretch* stretch = timeline.stretch(cut.stretch);
    if (stretch == nullptr || timeline.find(cut.first_slot) == nullptr) break;
    listed.push_back({&cuts, i, stretch});
  }
  std::reverse(listed.begin(), listed.end());
  return listed;
}

}  // namespace tarn::hls
