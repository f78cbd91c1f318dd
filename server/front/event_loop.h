// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"
#include "server/front/deadline_wheel.h"

namespace tarn::server::front {

// A descriptor that an EventLoop watches.
class Watched {
 public:
  virtual ~Watched() = default;
  // epoll's events. It may release() itself and others.
  virtual void on_ready(std::uint32_t events) = 0;
  // Asked for by EventLoop::flush_later(): before the loop sleeps.
  virtual void on_flush() {}
  // What it was called for could not be done.
  virtual void on_out_of_memory() noexcept {}

 private:
  friend class EventLoop;
  bool flushes_ = false;
};

// All sockets of one serving thread in one source of its main context: an epoll descriptor, whose events are
// handled in the source's check(), so that libsoup's sources, which look at flags of ours and have no
// descriptors, find them set in the same iteration. What was written is sent in prepare(), once an iteration:
// the head and the body of an answer leave together. docs/adr/0010-connection-layer.md has the figures.
// Used on the thread of its main context only.
class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> create(GMainContext* context);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `events`: epoll's. The caller closes the descriptor itself.
  Status watch(int descriptor, std::uint32_t events, Watched& watched);
  // Other events from now on.
  void rearm(int descriptor, std::uint32_t events, Watched& watched);
  // Events of it that were gathered already are dropped; what `owner` holds lives on to the end of the turn.
  void release(int descriptor, Watched& watched, std::shared_ptr<void> owner);
  void flush_later(Watched& watched);

  [[nodiscard]] Monotonic now() const { return now_; }
  [[nodiscard]] DeadlineWheel& deadlines() { return deadlines_; }
  // Where descriptors are read into, for the time of one call.
  [[nodiscard]] std::span<std::uint8_t> scratch() { return scratch_; }
  // The Date field's value, written once a second.
  const std::string& date();

 private:
  struct Source;
  static constexpr std::size_t most_events = 256;

  explicit EventLoop(int epoll);
  void attach(GMainContext* context);
  static gboolean prepare(GSource* source, gint* timeout);
  static gboolean check(GSource* source);
  void reserve();
  void flush();
  void collect();

  int epoll_;
  GSource* source_ = nullptr;
  GPollFD poll_{};
  Monotonic now_;
  DeadlineWheel deadlines_;
  std::vector<std::uint8_t> scratch_;
  std::vector<Watched*> events_;  // of the turn; null: released meanwhile
  std::vector<Watched*> dirty_;
  std::vector<std::shared_ptr<void>> released_;
  std::vector<std::shared_ptr<void>> gone_;  // on their way out
  std::size_t watched_ = 0;
  std::string date_;
  std::int64_t date_second_ = -1;
};

}  // namespace tarn::server::front
