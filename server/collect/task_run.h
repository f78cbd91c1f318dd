// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "core/base/result.h"
#include "server/collect/rate_share.h"
#include "server/collect/target.h"
#include "server/model/collection.h"
#include "server/runtime/collection_plan.h"

namespace tarn::server {

// What a task has done so far. Shared by the threads that upload for it.
struct TaskProgress {
  std::mutex mutex;
  std::set<std::string> done;  // names that are at the target
  std::uint64_t bytes = 0;
  Utc known_until{};  // all that ended before has been planned and is at the target
};

// One pass over a task: what is there of its range and not at the target yet is copied, and the manifests
// after everything else once the range is complete.
class TaskRun {
 public:
  struct Parts {  // all outlive it
    CollectionSource& source;
    RateShare& share;
    // A Target of its own for each thread.
    std::function<Result<std::unique_ptr<Target>>()> open;
    // Waits; false: the task is not wanted any more.
    std::function<bool(Microseconds)> pause;
    std::function<bool()> is_unwanted;
    std::function<Monotonic()> now;
    std::function<void(std::uint64_t total)> on_progress;
    unsigned uploads = 4;
    unsigned tries = 6;        // of one object in a row
    unsigned first_tries = 6;  // the same, until the store has answered anything well
    Microseconds first_backoff = std::chrono::milliseconds{500};
    static constexpr Microseconds usual_packaging = std::chrono::minutes{2};
    Microseconds packaging = usual_packaging;  // of one object, for as long as it is waited for
    std::function<bool()> gives_way = {};      // asked between objects: others have waited long enough
    // An object is at the target. Called by one thread at a time.
    std::function<void(const std::string& name, std::uint64_t size)> note = {};
  };

  // `look_first`: an earlier process may have uploaded more than `progress` knows before it died.
  TaskRun(Parts parts, const CollectionTask& task, TaskProgress& progress, bool look_first)
      : parts_(std::move(parts)), task_(task), progress_(progress), look_first_(look_first) {}

  // True: all of it is there, manifests too. `finish` as in CollectionLook.
  Result<bool> run(bool finish);
  // The file that players open, once run() has returned true.
  [[nodiscard]] const std::string& manifest() const { return manifest_; }
  // It has ended before its time: what is to be done is not known to be done.
  [[nodiscard]] bool gave_way() const { return gave_way_; }
  [[nodiscard]] const std::optional<CollectedRange>& covered() const { return covered_; }

 private:
  Status upload(const std::vector<std::string>& names);
  Status upload_some(const std::vector<std::string>& names, std::atomic<std::size_t>& next);
  Result<std::unique_ptr<Target>> open();
  Status upload_one(Target& target, const std::string& name);
  Result<std::optional<StoredObject>> look(Target& target, const std::string& name);
  Status tidy();
  Status drop(Target& target, const std::set<std::string>& planned);
  Status take_share(std::uint64_t size);
  Status put(Target& target, const std::string& name, const std::string& content_type,
             const std::vector<Blob>& parts, std::uint64_t size);
  Result<std::shared_ptr<const Content>> fetch(const std::string& name);
  Status with_tries(const std::function<Status()>& attempt);
  void note_done(const std::string& name, std::uint64_t size);

  Parts parts_;
  const CollectionTask& task_;
  TaskProgress& progress_;
  bool look_first_;
  std::uint64_t total_ = 0;
  std::string manifest_;
  std::optional<CollectedRange> covered_;
  std::atomic<bool> has_failed_{false};
  std::atomic<bool> gave_way_{false};
  std::atomic<bool> is_reached_{false};  // the store has taken or found something
};

}  // namespace tarn::server
