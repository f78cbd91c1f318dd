// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "server/runtime/event_log.h"

namespace tarn::server {

// Where a reader's lines go. Called from any thread, one after the other, with the feed's lock held: it
// neither waits nor calls back.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // False: the reader has gone, or does not keep up and was cut off.
  virtual bool send(std::string text) = 0;
  virtual void end() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
};

// What has happened lately, a JSON object a line, for whoever wants to follow. The latest are kept; ids grow
// by one, and go on growing over restarts. A reader that does not keep up loses its place, never
// anybody's time. Thread-safe.
class EventFeed {
 public:
  struct Limits {
    std::size_t kept = 1000;
    std::size_t kept_bytes = 512U << 10U;  // less than what a reader may let pile up
    std::size_t readers = 16;
    Microseconds quiet = std::chrono::seconds{15};  // after which an empty line shows that it is alive
  };
  EventFeed(std::function<Utc()> now, Limits limits);

  void add(LogLevel level, std::string_view event, const std::vector<EventLog::Field>& fields);
  // `after`: what came later than this id, what is kept of it at once; none: what comes from now on. False:
  // there are as many readers as there may be, or none any more.
  bool subscribe(std::optional<std::uint64_t> after, std::shared_ptr<EventSink> sink);
  // Once a second.
  void tick();
  // Ends all readers, and takes no more.
  void close();
  [[nodiscard]] bool has_room();

 private:
  struct Event {
    std::uint64_t id;
    std::string line;
  };
  void send_all(const std::string& text);

  std::function<Utc()> now_;
  const Limits limits_;
  mutable std::mutex mutex_;
  std::uint64_t next_id_;
  std::deque<Event> events_;
  std::size_t bytes_ = 0;  // of them
  std::vector<std::shared_ptr<EventSink>> sinks_;
  Utc last_sent_{};
  bool is_closed_ = false;
};

}  // namespace tarn::server
