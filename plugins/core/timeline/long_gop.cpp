// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/long_gop.h"

#include <algorithm>

#include "core/timeline/output_span.h"

namespace tarn::timeline {

std::vector<LongGop> long_gops_since(const Timeline& timeline, std::uint64_t first) {
  std::map<std::uint64_t, LongGop> found;
  for (const auto& [name, presentation] : timeline.presentations) {
    const CutList& cuts = presentation->cuts;
    for (std::size_t i = cuts.size(); i-- > 1 && cuts[i].first_slot >= first;) {
      const Cut cut = cuts[i];
      const Cut before = cuts[i - 1];
      if (!cut.discontinuity || cut.generation == before.generation) continue;
      const Generation* own = presentation->find_generation(cut.generation);
      const Generation* broken = presentation->find_generation(before.generation);
      const auto slot = timeline.find(cut.first_slot);
      const Stretch* stretch = timeline.stretch(cut.stretch);
      if (own == nullptr || broken == nullptr || slot == nullptr || stretch == nullptr) continue;
      // A new stretch may lie between two settings, and begin a generation without any long GOP.
      const Microseconds duration =
          to_microseconds(slot->end - slot->start, timescale_of(*stretch, stretch->reference));
      if (own->from_slot != cut.first_slot || duration <= std::chrono::seconds{broken->target_duration}) {
        continue;
      }
      LongGop& gop = found[slot->number];
      gop = {slot->number, duration, std::max(gop.target_duration, broken->target_duration)};
    }
  }
  std::vector<LongGop> gops;
  gops.reserve(found.size());
  for (const auto& [slot, gop] : found) gops.push_back(gop);
  return gops;
}

}  // namespace tarn::timeline
