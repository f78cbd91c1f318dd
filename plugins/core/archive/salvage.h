// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/archive/catalogue.h"
#include "core/base/result.h"

// What volumes alone tell (docs/formats/archive.md): everything of a catalogue but its decisions.
namespace tarn::archive {

struct Salvage {
  std::vector<timeline::Stretch> stretches;  // ascending; only those with slots
  std::vector<InitSection> inits;            // ascending by track, config
  std::vector<timeline::Slot> slots;         // ascending, contiguous; without chunks where none was found
  std::uint64_t next_serial = 1;             // above every serial that was seen
  std::uint64_t unreadable = 0;              // places in volumes
};

// Reads the boxes of all volumes in `directory`, and of the last slots the media as well, because a
// crash may have cut it short.
Result<Salvage> salvage_volumes(const std::string& directory);

// The contents of a new catalogue: slots and what belongs to them, no endpoints.
Change change_of(const Salvage& salvage);

// Fills the gaps that `damaged` slot numbers and missing stretches leave in `contents` with what the
// volumes tell, with empty slots where they tell nothing, and says what to write back.
Change mend(Contents& contents, const std::set<std::uint64_t>& damaged, const Salvage& salvage);

}  // namespace tarn::archive
