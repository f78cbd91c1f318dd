// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "server/config/config.h"

namespace tarn::server {

// One line an event: `2026-01-31T12:00:00.000Z info switch channel=g/c from=ingest1 …`, or one JSON object.
// Values are encoded, so that nobody can forge a line; secrets are never handed in. Thread-safe.
class EventLog {
 public:
  using Field = std::pair<std::string_view, std::string>;
  using FieldView = std::pair<std::string_view, std::string_view>;
  using Sink = std::function<void(std::string_view line)>;  // with its newline

  EventLog(LogFormat format, LogLevel level, std::function<Utc()> now, Sink sink);

  void write(LogLevel level, std::string_view event, const std::vector<Field>& fields);
  // As write() writes it, for whoever writes it elsewhere.
  void append_line(std::string& out, LogLevel level, std::string_view event,
                   std::span<const FieldView> fields) const;
  // What the command line asked for: of level info, and written whatever the log's level.
  void answer(std::string_view event, const std::vector<Field>& fields);
  [[nodiscard]] bool writes(LogLevel level) const { return level <= level_; }

  // Hears of everything but what is of level debug, whatever the log's own level. Before anything is
  // written, from any thread, and maybe with locks held.
  using Listener =
      std::function<void(LogLevel level, std::string_view event, const std::vector<Field>& fields)>;
  void set_listener(Listener listener) { listener_ = std::move(listener); }

  static void append_line(std::string& out, LogFormat format, Utc time, LogLevel level,
                          std::string_view event, std::span<const FieldView> fields);
  // One JSON object, with its newline.
  static std::string json_line(Utc time, LogLevel level, std::string_view event,
                               const std::vector<Field>& fields);

 private:
  void put(LogLevel level, std::string_view event, const std::vector<Field>& fields);

  LogFormat format_;
  LogLevel level_;
  std::function<Utc()> now_;
  std::mutex mutex_;
  Sink sink_;
  Listener listener_;
};

}  // namespace tarn::server
