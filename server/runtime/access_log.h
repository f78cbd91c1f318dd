// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/runtime/event_log.h"
#include "server/runtime/metrics.h"

namespace tarn::server {

// Lines about requests, on their way to the event log: whoever writes one never waits for whoever reads the
// log. What has no room is dropped and counted (tarn_access_log_dropped_total, event requests-unlogged).
// Thread-safe.
class AccessLog {
 public:
  static constexpr std::size_t most_waiting = std::size_t{1} << 20U;  // bytes

  AccessLog(EventLog& log, Metrics& metrics, AccessLogScope scope);
  ~AccessLog() { stop(); }
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  [[nodiscard]] AccessLogScope scope() const { return scope_; }
  [[nodiscard]] bool writes(LogLevel level) const { return log_.writes(level); }
  void write(LogLevel level, std::string_view event, const std::vector<EventLog::Field>& fields);
  // Writes what is waiting; later lines are dropped.
  void stop();

 private:
  void run();
  void put(const std::string& lines, std::uint64_t dropped);

  EventLog& log_;
  Metrics::Counter& dropped_total_;
  const AccessLogScope scope_;
  std::mutex mutex_;  // never held while anything is written
  std::condition_variable wakes_;
  std::string waiting_;
  std::uint64_t dropped_ = 0;  // since they were last told of
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace tarn::server
