// SPDX-License-Identifier: Apache-2.0
#include "server/http/request_observer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "server/runtime/endpoint_meters.h"

namespace tarn::server {
namespace {

// Labels must be bounded: whatever else a client calls its method is "other".
constexpr std::array<std::string_view, 8> methods{"GET",    "HEAD",    "PUT",   "POST",
                                                  "DELETE", "OPTIONS", "PATCH", "MKCOL"};
std::size_t method_index(const std::string& method) {
  return static_cast<std::size_t>(std::find(methods.begin(), methods.end(), method) - methods.begin());
}
std::string_view method_label(std::size_t index) {
  return index < methods.size() ? methods[index] : std::string_view{"other"};
}

// What a request is for.
constexpr std::array<std::string_view, 9> kinds{"other", "upload", "manifest", "segment", "header",
                                                "time",  "api",    "metrics",  "health"};
constexpr std::size_t first_control_kind = 6;

std::size_t kind_index(const RequestRecord& record, bool is_control) {
  constexpr std::size_t upload = 1;
  constexpr std::size_t first_media = 2;
  constexpr std::size_t time = 5;
  if (is_control) {
    if (record.path == "/api/v1/events") return 0;  // lasts as long as somebody listens
    if (record.path.starts_with("/api/")) return first_control_kind;
    if (record.path == "/metrics") return first_control_kind + 1;
    return record.path == "/healthz" || record.path == "/readyz" ? first_control_kind + 2 : 0;
  }
  if (record.path == "/time") return time;
  if (record.method == "PUT" || record.method == "POST") return upload;
  const bool plays = record.path.starts_with("/v1/") && (record.method == "GET" || record.method == "HEAD");
  return plays ? first_media + static_cast<std::size_t>(media_kind(record.path)) : 0;
}

LogLevel level_of(const RequestRecord& record) {
  // 503 is a channel without content yet, asked for by every player that waits for it.
  return record.status >= 500 && record.status != 503 ? LogLevel::warning : LogLevel::info;
}

// A number as text, without an allocation.
class Digits {
 public:
  explicit Digits(std::uint64_t value)
      : end_(std::to_chars(text_.data(), text_.data() + text_.size(), value).ptr) {}
  Digits(const Digits&) = delete;
  Digits& operator=(const Digits&) = delete;
  operator std::string_view() const {  // NOLINT(google-explicit-constructor)
    return {text_.data(), static_cast<std::size_t>(end_ - text_.data())};
  }

 private:
  std::array<char, 20> text_;
  const char* end_;
};

// Never what a client calls itself and is no address.
std::string address_of(const RequestRecord& record, const std::vector<Network>& trusted) {
  if (record.forwarded_for.empty()) return record.peer;
  std::string client = client_address(record.peer, record.forwarded_for, trusted);
  return parse_address(client) ? client : record.peer;
}

bool is_wanted(const RequestRecord& record, const AccessLog& log, LogLevel level) {
  if (!log.writes(level)) return false;
  if (level == LogLevel::warning || log.scope() == AccessLogScope::all) return true;
  const bool read = record.method == "GET" || record.method == "HEAD" || record.method == "OPTIONS";
  return log.scope() == AccessLogScope::changes && !(read && record.status < 400);
}

// The counters of one listener, looked up by their labels once: there is a request every few microseconds.
class RequestCounters {
 public:
  RequestCounters(std::string listener, Metrics& metrics)
      : listener_(std::move(listener)),
        metrics_(metrics),
        bytes_in_(metrics.counter("tarn_http_request_bytes_total", {{"listener", listener_}})),
        bytes_out_(metrics.counter("tarn_http_response_bytes_total", {{"listener", listener_}})) {
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      const bool is_here = (listener_ == "control") == (i >= first_control_kind);
      if (!is_here && i != 0) continue;
      times_[i] = &metrics.histogram("tarn_http_request_duration_seconds",
                                     {{"listener", listener_}, {"kind", std::string{kinds[i]}}});
    }
  }

  void count(const RequestRecord& record) {
    ++requests(record);
    bytes_in_ += record.bytes_in;
    bytes_out_ += record.bytes_out;
    Histogram* const times = times_[kind_index(record, listener_ == "control")];
    times->observe(record.duration);
  }

 private:
  Metrics::Counter& requests(const RequestRecord& record) {
    const auto status = static_cast<std::size_t>(record.status);
    const std::size_t method = method_index(record.method);
    std::atomic<Metrics::Counter*>* slot = status < statuses ? &known_[method * statuses + status] : nullptr;
    if (slot != nullptr) {
      if (Metrics::Counter* known = slot->load(std::memory_order_acquire)) return *known;
    }
    Metrics::Counter& counter =
        metrics_.counter("tarn_http_requests_total", {{"listener", listener_},
                                                      {"method", std::string{method_label(method)}},
                                                      {"status", std::to_string(record.status)}});
    if (slot != nullptr) slot->store(&counter, std::memory_order_release);
    return counter;
  }

  static constexpr std::size_t statuses = 600;
  std::string listener_;
  Metrics& metrics_;
  Metrics::Counter& bytes_in_;
  Metrics::Counter& bytes_out_;
  std::array<Histogram*, kinds.size()> times_{};  // null: no kind of this listener
  std::vector<std::atomic<Metrics::Counter*>> known_{(methods.size() + 1) * statuses};
};

// Whoever floods the server does not flood its log.
class RefusalLog {
 public:
  RefusalLog(std::vector<std::string> listeners, AccessLog& log)
      : listeners_(std::move(listeners)), log_(log) {}

  void write(std::size_t binding, std::string_view reason, const std::string& peer) {
    if (!log_.writes(LogLevel::info)) return;
    const auto now = std::chrono::steady_clock::now();
    std::uint64_t count = 0;
    {
      const std::lock_guard lock{mutex_};
      Recent& recent = recent_[{binding, std::string{reason}}];
      ++recent.count;
      if (now < recent.silent_until) return;
      recent.silent_until = now + std::chrono::seconds{1};
      count = std::exchange(recent.count, 0);
    }
    const Digits number{count};
    log_.write(
        LogLevel::info, "refused",
        std::array<EventLog::FieldView, 4>{
            {{"listener", listeners_[binding]}, {"peer", peer}, {"reason", reason}, {"count", number}}});
  }

 private:
  struct Recent {
    std::uint64_t count = 0;  // since the last line
    std::chrono::steady_clock::time_point silent_until{};
  };
  std::vector<std::string> listeners_;
  AccessLog& log_;
  std::mutex mutex_;
  std::map<std::pair<std::size_t, std::string>, Recent> recent_;
};

}  // namespace

HttpServer::Observer make_request_observer(std::vector<std::string> listeners, Metrics& metrics,
                                           AccessLog& log, std::vector<Network> trusted) {
  std::vector<std::shared_ptr<RequestCounters>> counters;
  counters.reserve(listeners.size());
  for (const std::string& listener : listeners) {
    counters.push_back(std::make_shared<RequestCounters>(listener, metrics));
  }
  return [listeners = std::move(listeners), counters = std::move(counters), trusted = std::move(trusted),
          &log](const RequestRecord& record) {
    counters[record.binding]->count(record);
    const LogLevel level = level_of(record);
    if (!is_wanted(record, log, level)) return;
    const std::string address = address_of(record, trusted);
    const Digits status{static_cast<std::uint64_t>(record.status)};
    const Digits bytes_in{record.bytes_in};
    const Digits bytes_out{record.bytes_out};
    const Digits duration{static_cast<std::uint64_t>(std::max<std::int64_t>(record.duration.count(), 0))};
    log.write(level, "request",
              std::array<EventLog::FieldView, 9>{{{"listener", listeners[record.binding]},
                                                  {"id", record.id},
                                                  {"peer", address},
                                                  {"method", record.method},
                                                  {"path", record.path},
                                                  {"status", status},
                                                  {"bytes_in", bytes_in},
                                                  {"bytes_out", bytes_out},
                                                  {"duration_us", duration}}});
  };
}

std::function<void(std::size_t binding, std::string_view reason, const std::string& peer)>
make_refusal_observer(std::vector<std::string> listeners, Metrics& metrics, AccessLog& log) {
  auto lines = std::make_shared<RefusalLog>(listeners, log);
  return [listeners = std::move(listeners), lines, &metrics](std::size_t binding, std::string_view reason,
                                                             const std::string& peer) {
    ++metrics.counter("tarn_http_refusals_total",
                      {{"listener", listeners[binding]}, {"reason", std::string{reason}}});
    lines->write(binding, reason, peer);
  };
}

}  // namespace tarn::server
