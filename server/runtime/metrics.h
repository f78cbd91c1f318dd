// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Counters and gauges in Prometheus' text format (version 0.0.4).
namespace tarn::server {

class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  using Counter = std::atomic<std::uint64_t>;

  // Describes a family; a counter's name ends in _total. Call before its first use.
  void describe_counter(const std::string& name, const std::string& help);
  // `read` is asked at each scrape, from any thread.
  void add_gauge(const std::string& name, const std::string& help, std::function<std::int64_t()> read);
  // A gauge for each of the labels that `read` gives.
  using Readings = std::vector<std::pair<Labels, std::int64_t>>;
  void add_gauges(const std::string& name, const std::string& help, std::function<Readings()> read);

  // The counter of these labels, made at its first use; the reference stays valid.
  Counter& counter(const std::string& name, const Labels& labels);

  [[nodiscard]] std::string exposition() const;

 private:
  struct Family {
    std::string help;
    std::map<std::string, std::unique_ptr<Counter>> counters;  // by rendered labels
    std::function<Readings()> gauge;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Family> families_;
};

}  // namespace tarn::server
