// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/timeline/output.h"
#include "core/timeline/timeline.h"
#include "server/model/collection.h"
#include "server/runtime/origin.h"

namespace tarn::server {

struct CollectedManifest {
  std::string name;
  std::string content_type;
  std::string text;
};

// What there is of a range: its segments' UTC bounds, and how much of the range is not in them.
struct CollectedRange {
  Utc start{};
  Utc end{};
  // In pieces of half a second and more, which no encoder's clock explains: nothing was there, or a track of
  // picture or sound was not.
  Microseconds missing{};
};

// What a UTC range of an endpoint consists of at one state of its timeline.
struct CollectionPlan {
  std::vector<std::string> media;            // CMAF headers and segments, by the names they are served under
  std::vector<CollectedManifest> manifests;  // in the order to write them: what players open comes last.
                                             // Empty as long as the range is not complete
  Utc edge{};                                // of what this state of the timeline has
  std::optional<CollectedRange> covered;     // of a range that is complete
};

// How a range is looked at.
struct CollectionLook {
  bool finish = false;  // what there is now is all of it, though the live edge has not reached the end
  // As long as the range is not complete: what ends before is not asked for any more. What is looked at
  // again and again, for days, costs as little as what is new of it. Late repairs come with the whole.
  Utc known_until{};
};

// A pure function; segments that overlap the range belong to it, as with `vodend` (semantics S12, S4),
// whatever their age. Errors: not_found (the range is complete and there is nothing in it, or no key).
Result<CollectionPlan> plan_collection(const timeline::Timeline& timeline,
                                       const timeline::OutputSettings& output, Utc start, Utc end,
                                       const CollectionLook& look);

// Where collection tasks get what they copy; the runtime implements it. Thread-safe.
class CollectionSource {
 public:
  virtual ~CollectionSource() = default;
  // not_found also when the endpoint does not exist any more.
  virtual Result<CollectionPlan> plan(const CollectionTask& task, const CollectionLook& look) = 0;
  // A file of a plan. Absences are those of playback, but for age.
  virtual void fetch_media(const CollectionTask& task, const std::string& file,
                           std::function<void(Fetched)> done) = 0;
  // Content of these channels (by id) from these moments on is not deleted, until told otherwise.
  virtual void hold(std::map<std::string, Utc> from) = 0;
};

}  // namespace tarn::server
