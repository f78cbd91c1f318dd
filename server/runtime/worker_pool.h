// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace tarn::server {

// A fixed number of threads for everything that may take long. Jobs of one strand run one after
// another in the order in which they came, on whatever thread is free; jobs without one run as they
// can. A strand never holds a thread while it has nothing to do. A job that ends for want of memory ends
// alone: who must be answered is answered by the job itself, before the pool sees it.
class WorkerPool {
 public:
  using Job = std::function<void()>;

  explicit WorkerPool(unsigned threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs what is queued, then ends the threads; what comes later is dropped.
  void stop();

  void submit(Job job);
  void submit(const std::string& strand, Job job);
  // Jobs that have not begun.
  [[nodiscard]] std::size_t queued() const;

 private:
  void run();
  void run_next_of(const std::string& strand);
  bool run_one_of(const std::string& strand);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> ready_;
  std::unordered_map<std::string, std::deque<Job>> strands_;  // present while one of its jobs runs or waits
  std::size_t queued_ = 0;
  bool stopping_ = false;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tarn::server
