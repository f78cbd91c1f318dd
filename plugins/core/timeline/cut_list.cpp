// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/cut_list.h"

#include <vector>

namespace tarn::timeline {
namespace {

std::uint64_t bits_of(Utc time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

template <class Read>
Column pack(std::span<const Cut> cuts, ColumnBits& bits, Read read) {
  std::vector<Cell> cells;
  cells.reserve(cuts.size());
  for (const Cut& cut : cuts) cells.push_back({static_cast<std::uint32_t>(cells.size()), read(cut)});
  Column column = fit(cells);
  bits.add(column, cells, cuts.size());
  return column;
}

}  // namespace

PackedCuts::PackedCuts(std::span<const Cut> cuts) {
  number_ = pack(cuts, bits_, [](const Cut& cut) { return cut.number; });
  first_slot_ = pack(cuts, bits_, [](const Cut& cut) { return cut.first_slot; });
  slot_count_ = pack(cuts, bits_, [](const Cut& cut) { return std::uint64_t{cut.slot_count}; });
  stretch_ = pack(cuts, bits_, [](const Cut& cut) { return std::uint64_t{cut.stretch}; });
  generation_ = pack(cuts, bits_, [](const Cut& cut) { return std::uint64_t{cut.generation}; });
  recorded_ = pack(cuts, bits_, [](const Cut& cut) { return bits_of(cut.recorded); });
  discontinuity_ = pack(cuts, bits_, [](const Cut& cut) { return std::uint64_t{cut.discontinuity}; });
  discontinuity_sequence_ =
      pack(cuts, bits_, [](const Cut& cut) { return std::uint64_t{cut.discontinuity_sequence}; });
  bits_.seal();
}

Cut PackedCuts::at(std::size_t row) const {
  const auto narrow = [&](const Column& column) {
    return static_cast<std::uint32_t>(bits_.value(column, row));
  };
  Cut cut;
  cut.number = bits_.value(number_, row);
  cut.first_slot = bits_.value(first_slot_, row);
  cut.slot_count = narrow(slot_count_);
  cut.stretch = narrow(stretch_);
  cut.generation = narrow(generation_);
  cut.recorded = Utc{Microseconds{static_cast<std::int64_t>(bits_.value(recorded_, row))}};
  cut.discontinuity = bits_.value(discontinuity_, row) != 0;
  cut.discontinuity_sequence = narrow(discontinuity_sequence_);
  return cut;
}

}  // namespace tarn::timeline
