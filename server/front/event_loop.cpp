// SPDX-License-Identifier: Apache-2.0
#include "server/front/event_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "core/base/out_of_memory.h"

namespace tarn::server::front {
namespace {

constexpr std::size_t scratch_bytes = 64U << 10U;

// The main context is C, and no exception goes through it.
template <class Call>
void guarded(Watched& watched, Call call) {
  unless_out_of_memory(call, [&] { watched.on_out_of_memory(); });
}

Monotonic monotonic_now() { return Monotonic{Microseconds{g_get_monotonic_time()}}; }

}  // namespace

struct EventLoop::Source {
  GSource base;
  EventLoop* loop;
};

EventLoop::EventLoop(int epoll)
    : epoll_(epoll), now_(monotonic_now()), deadlines_(now_), scratch_(scratch_bytes) {
  events_.reserve(most_events);
}

Result<std::unique_ptr<EventLoop>> EventLoop::create(GMainContext* context) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return Error{ErrorCode::io, std::string{"epoll_create1: "} + std::strerror(errno)};
  std::unique_ptr<EventLoop> loop{new EventLoop{epoll}};
  loop->attach(context);
  return loop;
}

void EventLoop::attach(GMainContext* context) {
  static GSourceFuncs functions{
      &EventLoop::prepare,
      &EventLoop::check,
      +[](GSource*, GSourceFunc, gpointer) -> gboolean { return G_SOURCE_CONTINUE; },
      nullptr,
      nullptr,
      nullptr};
  source_ = g_source_new(&functions, sizeof(Source));
  reinterpret_cast<Source*>(source_)->loop = this;
  // Not g_source_add_unix_fd(): that makes a source ready by itself when the descriptor is, and a ready
  // source of high priority keeps libsoup's from being looked at in the same iteration.
  poll_ = {epoll_, G_IO_IN, 0};
  g_source_add_poll(source_, &poll_);
  g_source_set_priority(source_, G_PRIORITY_HIGH);
  g_source_set_can_recurse(source_, TRUE);
  g_source_attach(source_, context);
}

EventLoop::~EventLoop() {
  collect();
  g_source_destroy(source_);
  g_source_unref(source_);
  ::close(epoll_);
}

Status EventLoop::watch(int descriptor, std::uint32_t events, Watched& watched) {
  reserve();
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return Error{ErrorCode::io, std::string{"epoll_ctl: "} + std::strerror(errno)};
  }
  ++watched_;
  return {};
}

// So that what is watched can be flushed and released when there is no memory.
void EventLoop::reserve() {
  const std::size_t needed = watched_ + 1;
  if (dirty_.capacity() < needed) dirty_.reserve(2 * needed);
  for (auto* list : {&released_, &gone_}) {
    if (list->capacity() < needed) list->reserve(2 * needed);
  }
}

void EventLoop::rearm(int descriptor, std::uint32_t events, Watched& watched) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event);
}

void EventLoop::release(int descriptor, Watched& watched, std::shared_ptr<void> owner) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  --watched_;
  std::replace(events_.begin(), events_.end(), &watched, static_cast<Watched*>(nullptr));
  std::replace(dirty_.begin(), dirty_.end(), &watched, static_cast<Watched*>(nullptr));
  released_.push_back(std::move(owner));
}

void EventLoop::flush_later(Watched& watched) {
  if (watched.flushes_) return;
  dirty_.push_back(&watched);
  watched.flushes_ = true;
}

// What is flushed may be followed by more, a pipelined request that was waiting for room: that is for the
// next turn, so that nobody holds up the others.
void EventLoop::flush() {
  const std::size_t count = dirty_.size();
  for (std::size_t i = 0; i < count; ++i) {
    Watched* const watched = dirty_[i];
    if (watched == nullptr) continue;
    watched->flushes_ = false;
    dirty_[i] = nullptr;
    guarded(*watched, [&] { watched->on_flush(); });
  }
  dirty_.erase(dirty_.begin(), dirty_.begin() + static_cast<std::ptrdiff_t>(count));
}

void EventLoop::collect() {
  // Moved aside: what is destroyed may release others.
  while (!released_.empty()) {
    gone_.swap(released_);
    gone_.clear();
  }
}

gboolean EventLoop::prepare(GSource* source, gint* timeout) {
  EventLoop& loop = *reinterpret_cast<Source*>(source)->loop;
  loop.flush();
  loop.collect();
  *timeout = -1;
  if (loop.watched_ == 0) return FALSE;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(loop.deadlines_.next() - monotonic_now());
  *timeout = loop.dirty_.empty() ? std::max(0, static_cast<gint>(wait.count())) : 0;
  return FALSE;
}

// Never ready itself: there is nothing left to dispatch.
gboolean EventLoop::check(GSource* source) {
  EventLoop& loop = *reinterpret_cast<Source*>(source)->loop;
  loop.now_ = monotonic_now();
  if (loop.poll_.revents != 0) {
    std::array<epoll_event, most_events> events{};
    const int count = std::max(0, ::epoll_wait(loop.epoll_, events.data(), most_events, 0));
    loop.events_.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < loop.events_.size(); ++i) {
      loop.events_[i] = static_cast<Watched*>(events[i].data.ptr);
    }
    for (std::size_t i = 0; i < loop.events_.size(); ++i) {
      Watched* const watched = loop.events_[i];
      if (watched != nullptr) guarded(*watched, [&] { watched->on_ready(events[i].events); });
    }
    loop.events_.clear();
  }
  loop.deadlines_.advance(loop.now_);
  return FALSE;
}

const std::string& EventLoop::date() {
  const std::int64_t second = g_get_real_time() / G_USEC_PER_SEC;
  if (second == date_second_) return date_;
  date_second_ = second;
  const std::time_t time = second;
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, 64> text{};
  // The C locale's names, whatever the process has: IMF-fixdate is English (RFC 9110 5.6.7).
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int length = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                                   months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900,
                                   utc.tm_hour, utc.tm_min, utc.tm_sec);
  date_.assign(text.data(), static_cast<std::size_t>(length));
  return date_;
}

}  // namespace tarn::server::front
