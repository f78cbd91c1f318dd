// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "server/runtime/event_log.h"
#include "server/runtime/log_output.h"

namespace tarn::server {

// Lines about requests, on their way to the log: whoever has one hands it over and goes on, whatever the
// log's reader does. What has no room is dropped, and the output counts it. Thread-safe.
class AccessLog {
 public:
  static constexpr std::size_t most_waiting = std::size_t{1} << 20U;  // bytes

  // Borrows both.
  AccessLog(const EventLog& log, LogOutput& output, AccessLogScope scope);
  ~AccessLog() { stop(); }
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  [[nodiscard]] AccessLogScope scope() const { return scope_; }
  [[nodiscard]] bool writes(LogLevel level) const { return log_.writes(level); }
  void write(LogLevel level, std::string_view event, std::span<const EventLog::FieldView> fields);
  // Writes what is waiting, as far as there is room for it; later lines are dropped.
  void stop();

 private:
  void run();
  void put(std::string_view lines);

  const EventLog& log_;
  LogOutput& output_;
  const AccessLogScope scope_;
  std::mutex mutex_;  // never held while anything is written
  std::condition_variable wakes_;
  std::string waiting_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace tarn::server
