// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/collect/done_list.h"
#include "server/collect/rate_share.h"
#include "server/collect/retry.h"
#include "server/collect/target.h"
#include "server/collect/task_run.h"
#include "server/control/collection_board.h"
#include "server/model/store.h"
#include "server/runtime/event_log.h"

namespace tarn::server {

struct CollectorSettings {
  TargetSettings targets;
  std::uint64_t bytes_per_second = 0;           // of all tasks together; 0: no limit
  unsigned threads = 2;                         // tasks that are worked on at once
  unsigned uploads = 4;                         // of one task at once
  Microseconds turn = std::chrono::minutes{1};  // of a task, when there are others that wait for a thread
  Microseconds look_again = std::chrono::seconds{2};            // at a range that is not complete
  Microseconds patience = std::chrono::minutes{2};              // for content of a range that is over
  Microseconds first_backoff = std::chrono::milliseconds{500};  // within a pass
  RetryPolicy retry;                                            // of passes
  std::size_t kept = 1000;                                      // tasks that are over
  std::string marks;  // a directory for what is at targets, for the next process; empty: that looks itself
  // Tests give their own.
  std::function<Result<std::unique_ptr<Target>>(const CollectionTask&, std::function<bool()> is_unwanted)>
      open = {};
};

// Runs collection tasks on threads of its own. A task that waits for its range holds none. Tasks that were
// under way when the process ended go on where they were: what is at the target is not uploaded again.
class Collector : public CollectionBoard {
 public:
  struct Parts {  // all outlive it
    Store& store;
    CollectionSource& source;
    EventLog& log;
    std::function<Utc()> utc;
    std::function<Monotonic()> monotonic;
  };

  static Result<std::unique_ptr<Collector>> open(Parts parts, CollectorSettings settings);
  ~Collector() override;

  // Ends the threads; tasks stay as they are. While the source still answers.
  void stop();

  void check_target(const CollectionTarget& target, FieldErrors& errors) const override;
  Status submit(CollectionTask task) override;
  [[nodiscard]] std::vector<CollectionTask> tasks() const override;
  // How many tasks are in each state; of a moment ago where asking would have to wait for the disk.
  struct Counts {
    std::map<CollectionTask::State, std::size_t> by_state;
    std::size_t retrying = 0;  // of the running: those that wait out an error
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::optional<CollectionTask> find(const std::string& id) const override;
  Status cancel(const std::string& id) override;

 private:
  struct Entry {
    CollectionTask task;
    TaskProgress progress;
    std::atomic<bool> is_cancelled{false};
    bool is_busy = false;
    bool look_first = false;  // at what is not known, until a pass of this process was whole
    unsigned failures = 0;    // passes one after another, without one object more
    std::size_t done_at_failure = 0;
    Monotonic due{};
    Monotonic saved{};
  };
  using EntryPtr = std::shared_ptr<Entry>;

  Collector(Parts parts, CollectorSettings settings);
  void work();
  EntryPtr take_due(std::unique_lock<std::mutex>& lock);
  void run(const EntryPtr& entry);
  void tidy(const EntryPtr& entry, const CollectionTask& task);
  void read_marks();
  [[nodiscard]] std::string marks_of(const CollectionTask& task) const;
  [[nodiscard]] bool is_late(const CollectionTask& task) const;
  void note_progress(const EntryPtr& entry, std::uint64_t total);
  void end_pass(const EntryPtr& entry, const Result<bool>& result, const TaskRun& run);
  void fail_pass(Entry& entry, const Error& error);
  static void end_outage(Entry& entry);
  void finish(Entry& entry, CollectionTask::State state, const std::string& error);
  void save(Entry& entry);
  bool pause(const Entry& entry, Microseconds time);
  [[nodiscard]] bool is_any_waiting() const;
  void hold_content();
  void forget_old();

  Parts parts_;
  CollectorSettings settings_;
  const Utc started_utc_;
  const Monotonic started_;
  RateShare share_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, EntryPtr> entries_;  // by id
  mutable std::mutex counts_mutex_;
  mutable Counts counts_;  // of the latest count
  std::atomic<bool> is_stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace tarn::server
