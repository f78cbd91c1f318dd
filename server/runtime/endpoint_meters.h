// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/timeline/output.h"
#include "server/runtime/metrics.h"
#include "server/runtime/origin.h"

namespace tarn::server {

// What a file that is played is, by its name.
enum class MediaKind { manifest, segment, header };
MediaKind media_kind(std::string_view file);
std::string_view name_of(MediaKind kind);
std::string_view name_of(timeline::Protocol protocol);  // as a label: "hls_cmaf"

// Answers to players since the server started.
struct Delivered {
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;  // of them: 4xx and 5xx
  std::uint64_t bytes = 0;   // of bodies of complete answers
  Delivered& operator+=(const Delivered& more) {
    requests += more.requests;
    failed += more.failed;
    bytes += more.bytes;
    return *this;
  }
};

// What is counted of one endpoint. The counters are looked up here; they leave the metrics with this and
// whatever still counts with it.
class EndpointMeters {
 public:
  // `label`: "group/channel/endpoint".
  EndpointMeters(Metrics& metrics, const std::string& label, timeline::Protocol protocol);

  // Of files of this kind.
  [[nodiscard]] std::shared_ptr<const Delivery> delivery(std::string_view file) const;
  [[nodiscard]] Delivered delivered() const;
  void packaged(std::uint64_t bytes, Microseconds time);
  void packaging_failed() { ++*failures_; }

 private:
  class KindMeters;

  std::array<std::shared_ptr<KindMeters>, 3> kinds_;
  std::shared_ptr<Metrics::Counter> packaged_bytes_;
  std::shared_ptr<Metrics::Counter> packaged_segments_;
  std::shared_ptr<Metrics::Counter> failures_;
  Histogram& packaging_time_;
};

}  // namespace tarn::server
