// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>

#include "server/model/model.h"
#include "server/runtime/metrics.h"
#include "server/runtime/origin.h"

namespace tarn::server {

// What is counted of one channel's ingest; the counters leave the metrics with this. Not thread-safe but
// for switched() and sacrificed(): called from one put after the other.
class ChannelMeters {
 public:
  ChannelMeters(Metrics& metrics, const Channel& channel);

  // `time`: from the object's last byte to its answer.
  void taken(const UploadedObject& object, const UploadAnswer& answer, Microseconds time);
  void switched() { ++*switches_; }
  void sacrificed(std::uint64_t bytes) { *sacrificed_ += bytes; }

 private:
  Metrics::Counter& lookup(const std::string& family, const Metrics::Labels& labels);

  Metrics& metrics_;
  const Metrics::Labels channel_;
  std::map<std::pair<std::string, Metrics::Labels>, std::shared_ptr<Metrics::Counter>> counters_;
  std::array<std::shared_ptr<Metrics::Counter>, 2> bytes_;
  std::shared_ptr<Histogram> acknowledgements_;
  std::shared_ptr<Metrics::Counter> switches_;
  std::shared_ptr<Metrics::Counter> sacrificed_;
};

std::string input_name(int input);  // 0, 1

}  // namespace tarn::server
