// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/access_log.h"

#include <utility>

namespace tarn::server {
namespace {

// Lines that come together are written together, with one system call.
constexpr std::chrono::milliseconds gathers_for{50};

}  // namespace

AccessLog::AccessLog(EventLog& log, Metrics& metrics, AccessLogScope scope)
    : log_(log),
      dropped_total_(metrics.counter("tarn_access_log_dropped_total", {})),
      scope_(scope),
      writer_([this] { run(); }) {}

void AccessLog::write(LogLevel level, std::string_view event, const std::vector<EventLog::Field>& fields) {
  if (!log_.writes(level)) return;
  const std::string line = log_.line(level, event, fields);
  bool is_first = false;
  {
    const std::lock_guard lock{mutex_};
    if (stopping_ || waiting_.size() + line.size() > most_waiting) {
      ++dropped_;
      ++dropped_total_;
      return;
    }
    is_first = waiting_.empty();
    waiting_ += line;
  }
  if (is_first) wakes_.notify_one();
}

void AccessLog::run() {
  std::unique_lock lock{mutex_};
  std::string lines;
  for (;;) {
    wakes_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (!stopping_) wakes_.wait_for(lock, gathers_for, [this] { return stopping_; });
    const bool is_last = stopping_;
    lines.clear();
    std::swap(lines, waiting_);
    const std::uint64_t dropped = std::exchange(dropped_, 0);
    lock.unlock();
    put(lines, dropped);
    if (is_last) return;
    lock.lock();
  }
}

void AccessLog::put(const std::string& lines, std::uint64_t dropped) {
  if (!lines.empty()) log_.write_lines(lines);
  if (dropped > 0) log_.write(LogLevel::warning, "requests-unlogged", {{"count", std::to_string(dropped)}});
}

void AccessLog::stop() {
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) return;
    stopping_ = true;
  }
  wakes_.notify_one();
  writer_.join();
}

}  // namespace tarn::server
