// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/endpoint_meters.h"

#include "core/base/text.h"

namespace tarn::server {
namespace {

// "aborted": the client left before its answer was complete.
constexpr std::array<std::string_view, 6> status_classes{"aborted", "1xx", "2xx", "3xx", "4xx", "5xx"};

std::size_t class_of(int status) {
  const int index = status / 100;
  return index < 0 || index >= static_cast<int>(status_classes.size()) ? 0 : static_cast<std::size_t>(index);
}

Metrics::Labels labels_of(const std::string& label) {
  constexpr std::array<const char*, 3> names{"group", "channel", "endpoint"};
  Metrics::Labels labels;
  for (const std::string_view part : split(label, '/')) {
    if (labels.size() < names.size()) labels.emplace_back(names[labels.size()], part);
  }
  return labels;
}

Metrics::Labels with(Metrics::Labels labels, const char* name, std::string_view value) {
  labels.emplace_back(name, value);
  return labels;
}

}  // namespace

MediaKind media_kind(std::string_view file) {
  if (file.ends_with(".m3u8") || file.ends_with(".mpd")) return MediaKind::manifest;
  return file.ends_with(".mp4") ? MediaKind::header : MediaKind::segment;
}

std::string_view name_of(MediaKind kind) {
  constexpr std::array<std::string_view, 3> names{"manifest", "segment", "header"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(timeline::Protocol protocol) {
  constexpr std::array<std::string_view, 3> names{"hls", "hls_cmaf", "dash"};
  return names[static_cast<std::size_t>(protocol)];
}

// Counting an answer is two atomic additions: it is on the way of every one of them.
class EndpointMeters::KindMeters : public Delivery {
 public:
  KindMeters(Metrics& metrics, const Metrics::Labels& endpoint, timeline::Protocol protocol, MediaKind kind)
      : metrics_(metrics), endpoint_(endpoint) {
    const auto labels = with(with(endpoint, "protocol", name_of(protocol)), "kind", name_of(kind));
    bytes_ = metrics.held_counter("tarn_delivered_bytes_total", labels);
    for (std::size_t i = 0; i < status_classes.size(); ++i) {
      if (status_classes[i] == "1xx") continue;
      requests_[i] =
          metrics.held_counter("tarn_playback_requests_total", with(labels, "status", status_classes[i]));
    }
  }

  void answered(int status, std::uint64_t bytes) const override {
    const auto& requests = requests_[class_of(status)];
    if (requests) requests->fetch_add(1, std::memory_order_relaxed);
    if (status != 0) bytes_->fetch_add(bytes, std::memory_order_relaxed);
  }

  void refused(const std::string& reason) const override {
    const std::lock_guard lock{mutex_};
    auto& counter = refusals_[reason];
    if (!counter) {
      counter = metrics_.held_counter("tarn_playback_refusals_total", with(endpoint_, "reason", reason));
    }
    ++*counter;
  }

  [[nodiscard]] Delivered delivered() const {
    Delivered sum;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (!requests_[i]) continue;
      const std::uint64_t requests = requests_[i]->load(std::memory_order_relaxed);
      sum.requests += requests;
      if (status_classes[i] == "4xx" || status_classes[i] == "5xx") sum.failed += requests;
    }
    sum.bytes = bytes_->load(std::memory_order_relaxed);
    return sum;
  }

 private:
  Metrics& metrics_;
  const Metrics::Labels endpoint_;
  std::array<std::shared_ptr<Metrics::Counter>, status_classes.size()> requests_;
  std::shared_ptr<Metrics::Counter> bytes_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<Metrics::Counter>> refusals_;
};

EndpointMeters::EndpointMeters(Metrics& metrics, const std::string& label, timeline::Protocol protocol)
    : packaging_time_(metrics.histogram("tarn_packaging_duration_seconds",
                                        {{"protocol", std::string{name_of(protocol)}}})) {
  const Metrics::Labels labels = labels_of(label);
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    kinds_[i] = std::make_shared<KindMeters>(metrics, labels, protocol, static_cast<MediaKind>(i));
  }
  packaged_bytes_ = metrics.held_counter("tarn_packaged_bytes_total", labels);
  packaged_segments_ = metrics.held_counter("tarn_packaged_segments_total", labels);
  failures_ = metrics.held_counter("tarn_packaging_failures_total", labels);
}

std::shared_ptr<const Delivery> EndpointMeters::delivery(std::string_view file) const {
  return kinds_[static_cast<std::size_t>(media_kind(file))];
}

Delivered EndpointMeters::delivered() const {
  Delivered sum;
  for (const auto& kind : kinds_) sum += kind->delivered();
  return sum;
}

void EndpointMeters::packaged(std::uint64_t bytes, Microseconds time) {
  ++*packaged_segments_;
  *packaged_bytes_ += bytes;
  packaging_time_.observe(time);
}

}  // namespace tarn::server
