// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/event_feed.h"

#include <algorithm>

namespace tarn::server {

// Microseconds since 1970 are more than any earlier process can have counted up to, and exact in JSON.
EventFeed::EventFeed(std::function<Utc()> now, Limits limits)
    : now_(std::move(now)),
      limits_(limits),
      next_id_(static_cast<std::uint64_t>(std::max<std::int64_t>(1, now_().time_since_epoch().count()))) {}

void EventFeed::add(LogLevel level, std::string_view event, const std::vector<EventLog::Field>& fields) {
  const Utc now = now_();
  const std::string rest = EventLog::json_line(now, level, event, fields).substr(1);
  const std::lock_guard lock{mutex_};
  if (is_closed_) return;
  const std::uint64_t id = next_id_++;
  events_.push_back({id, "{\"id\":" + std::to_string(id) + "," + rest});
  bytes_ += events_.back().line.size();
  while (events_.size() > 1 && (events_.size() > limits_.kept || bytes_ > limits_.kept_bytes)) {
    bytes_ -= events_.front().line.size();
    events_.pop_front();
  }
  send_all(events_.back().line);
}

bool EventFeed::subscribe(std::optional<std::uint64_t> after, std::shared_ptr<EventSink> sink) {
  const std::lock_guard lock{mutex_};
  if (is_closed_ || sinks_.size() >= limits_.readers) return false;
  std::string past;
  const std::uint64_t oldest = events_.empty() ? next_id_ : events_.front().id;
  if (after && *after != 0 && *after + 1 < oldest) {
    past = "{\"id\":" + std::to_string(oldest - 1) + "," +
           EventLog::json_line(now_(), LogLevel::warning, "events-missed", {}).substr(1);
  }
  for (const Event& event : events_) {
    if (after && event.id > *after) past += event.line;
  }
  // So that a client sees that it is being served.
  if (past.empty()) past = "\n";
  if (sink->send(std::move(past))) sinks_.push_back(std::move(sink));
  return true;
}

void EventFeed::send_all(const std::string& text) {
  std::erase_if(sinks_, [&text](const auto& sink) { return !sink->send(text); });
  last_sent_ = now_();
}

void EventFeed::tick() {
  const std::lock_guard lock{mutex_};
  if (now_() - last_sent_ >= limits_.quiet) send_all("\n");
}

void EventFeed::close() {
  const std::lock_guard lock{mutex_};
  is_closed_ = true;
  for (const auto& sink : sinks_) sink->end();
  sinks_.clear();
}

bool EventFeed::has_room() {
  const std::lock_guard lock{mutex_};
  std::erase_if(sinks_, [](const auto& sink) { return !sink->is_open(); });
  return !is_closed_ && sinks_.size() < limits_.readers;
}

}  // namespace tarn::server
