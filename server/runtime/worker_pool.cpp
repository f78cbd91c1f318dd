// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/worker_pool.h"

#include <glib.h>

#include <algorithm>
#include <utility>

#include "core/base/out_of_memory.h"

namespace tarn::server {
namespace {

// The last line of defence: a thread that lets an exception go ends the process.
void run_job(const WorkerPool::Job& job) {
  unless_out_of_memory(job, [] { g_warning("out of memory: a job was given up"); });
}

}  // namespace

WorkerPool::WorkerPool(unsigned threads) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  const std::lock_guard lock{mutex_};
  stopped_ = true;
}

void WorkerPool::submit(Job job) {
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
    ready_.push_back(std::move(job));
    ++queued_;
  }
  wake_.notify_one();
}

void WorkerPool::submit(const std::string& strand, Job job) {
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
    const auto [at, idle] = strands_.try_emplace(strand);
    at->second.push_back(std::move(job));
    ++queued_;
    if (!idle) return;
    ready_.emplace_back([this, strand] { run_next_of(strand); });
  }
  wake_.notify_one();
}

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock{mutex_};
  return queued_;
}

// One job a turn, so that a busy strand does not keep others from their turn.
void WorkerPool::run_next_of(const std::string& strand) {
  while (!run_one_of(strand)) {
  }
}

// False: the strand has more to do, and there is no memory to queue it.
bool WorkerPool::run_one_of(const std::string& strand) {
  Job job;
  {
    const std::lock_guard lock{mutex_};
    auto& waiting = strands_.at(strand);
    job = std::move(waiting.front());
    waiting.pop_front();
  }
  run_job(job);
  job = nullptr;
  bool is_queued = false;
  {
    const std::lock_guard lock{mutex_};
    const auto at = strands_.find(strand);
    if (at->second.empty()) {
      strands_.erase(at);
      return true;
    }
    is_queued = unless_out_of_memory(
        [&] {
          ready_.emplace_back([this, strand] { run_next_of(strand); });
          return true;
        },
        [] { return false; });
  }
  if (is_queued) wake_.notify_one();
  return is_queued;
}

void WorkerPool::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !ready_.empty(); });
    if (ready_.empty()) {
      // Jobs of strands re-queue their successors before their thread comes back here.
      return;
    }
    Job job = std::move(ready_.front());
    ready_.pop_front();
    --queued_;
    lock.unlock();
    run_job(job);
    job = nullptr;
    lock.lock();
  }
}

}  // namespace tarn::server
