// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/access_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tarn::server {
namespace {

// Lines that come together are written together, unless there are very many.
constexpr std::chrono::milliseconds gathers_for{50};
constexpr std::size_t gathers_bytes = AccessLog::most_waiting / 4;

}  // namespace

AccessLog::AccessLog(const EventLog& log, LogOutput& output, AccessLogScope scope)
    : log_(log), output_(output), scope_(scope), writer_([this] { run(); }) {}

void AccessLog::write(LogLevel level, std::string_view event, std::span<const EventLog::FieldView> fields) {
  if (!writes(level)) return;
  static thread_local std::string line;
  line.clear();
  log_.append_line(line, level, event, fields);
  bool wakes = false;
  {
    const std::lock_guard lock{mutex_};
    const std::size_t before = waiting_.size();
    if (stopping_ || before + line.size() > most_waiting) {
      output_.drop(1);
      return;
    }
    waiting_ += line;
    wakes = before == 0 || (before < gathers_bytes && waiting_.size() >= gathers_bytes);
  }
  if (wakes) wakes_.notify_one();
}

void AccessLog::run() {
  std::unique_lock lock{mutex_};
  std::string lines;
  for (;;) {
    wakes_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    wakes_.wait_for(lock, gathers_for, [this] { return stopping_ || waiting_.size() >= gathers_bytes; });
    if (stopping_ && waiting_.empty()) return;
    lines.clear();
    std::swap(lines, waiting_);
    lock.unlock();
    put(lines);
    lock.lock();
  }
}

void AccessLog::put(std::string_view lines) {
  constexpr std::chrono::milliseconds round{100};
  while (!lines.empty()) {
    const std::size_t taken = output_.take(lines, round);
    lines.remove_prefix(taken);
    if (taken > 0) continue;
    const std::lock_guard lock{mutex_};
    if (!stopping_) continue;
    output_.drop(static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n')));
    return;
  }
}

void AccessLog::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wakes_.notify_one();
  if (writer_.joinable()) writer_.join();
}

}  // namespace tarn::server
