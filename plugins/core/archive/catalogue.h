// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "core/timeline/cutter.h"
#include "core/timeline/timeline.h"

namespace tarn::archive {

struct InitSection {
  timeline::TrackId track = 0;
  std::uint32_t config = 0;
  Blob bytes;
};

// An endpoint as the catalogue keeps it. It stays after its removal, so that an endpoint of the same
// name later goes on counting and no URL ever means two things.
struct StoredEndpoint {
  bool removed = false;
  std::uint32_t channel_segment_duration = 0;
  std::uint32_t last_generation = 0;
  timeline::Cutter::Anchor anchor;  // where the next cut begins when no cut is kept
  std::vector<timeline::Generation> generations;
  timeline::CutList cuts;
  std::map<std::uint32_t, timeline::TrackRates> rates;  // by stretch
};

// What outlives the slots it came from.
struct Footing {
  std::uint64_t next_slot = 1;
  std::int64_t slot_end = 0;  // of the newest slot, reference ticks
  Utc slot_end_utc;
  std::uint32_t stretch = 0;                        // the newest
  std::map<timeline::TrackId, std::int64_t> edges;  // end of the last chunk of each of its tracks
  bool operator==(const Footing&) const = default;
};

// What came of a slot after it was listed without it (semantics S4).
struct LateChunks {
  std::uint64_t slot = 0;
  std::vector<timeline::Chunk> chunks;  // ascending by track
};

// Everything in the catalogue.
struct Contents {
  std::vector<timeline::Stretch> stretches;  // ascending
  std::vector<InitSection> inits;            // ascending by track, config
  timeline::SlotList slots;                  // ascending, contiguous
  std::vector<LateChunks> late;              // ascending; of kept slots
  std::vector<timeline::Anchor> anchors;     // ascending
  std::map<std::string, StoredEndpoint> endpoints;
  std::uint64_t serial_limit = 1;  // serials below may have been used
  std::optional<Utc> availability_start;
  std::optional<Utc> ended;
  Footing footing;  // as of the last trim; newer slots move it on
  // Of a catalogue that was made from volumes: generations and numbers of endpoints it does not know are
  // counted from here, above all that may have been used before.
  std::uint64_t number_floor = 0;
  // Rows whose records do not match their checksums: left out above.
  std::set<std::uint64_t> damaged_slots;
  std::uint64_t damaged_stretches = 0;
};

struct EndpointChange {
  // Settings and anchor; generations and cuts are changed by the fields below.
  std::optional<StoredEndpoint> head;
  std::vector<timeline::Generation> generations;        // new, or known with a target_duration and start now
  std::vector<timeline::Cut> cuts;                      // new
  std::map<std::uint32_t, timeline::TrackRates> rates;  // by stretch: known rows are replaced
  std::uint32_t drop_rates_before = 0;                  // of stretches
  std::uint64_t drop_cuts_before = 0;                   // by number; before new ones are added
  std::uint32_t drop_generations_before = 0;
};

// One transaction: all of it or nothing.
struct Change {
  std::vector<timeline::Stretch> stretches;  // a known id replaces the row
  std::vector<InitSection> inits;
  std::vector<timeline::Slot> slots;  // a known number replaces the row
  std::vector<LateChunks> late;       // a known slot replaces the row; dropped with its slot
  std::vector<timeline::Anchor> anchors;
  std::map<std::string, EndpointChange> endpoints;
  std::optional<std::uint64_t> serial_limit;
  std::optional<std::uint64_t> number_floor;
  std::optional<Utc> availability_start;
  std::optional<std::optional<Utc>> ended;
  std::optional<Footing> footing;
  std::uint64_t drop_slots_before = 0;  // and the anchors that date none of what is left
  std::uint32_t drop_stretches_before = 0;

  [[nodiscard]] bool empty() const {
    return stretches.empty() && inits.empty() && slots.empty() && late.empty() && anchors.empty() &&
           endpoints.empty() && !serial_limit && !number_floor && !availability_start && !ended && !footing &&
           drop_slots_before == 0 && drop_stretches_before == 0;
  }
};

// What is known of the chunks, and all that was decided about them. One caller at a time.
class Catalogue {
 public:
  virtual ~Catalogue() = default;
  virtual Result<Contents> load() = 0;
  // Durable when it returns ok. no_space: nothing changed, may be tried again. After any other error
  // it is not known whether the change was made.
  virtual Status commit(const Change& change) = 0;
};

}  // namespace tarn::archive
