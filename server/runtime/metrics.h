// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
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

#include "core/base/time.h"

namespace tarn::server {

// How often something took how long. Neither locks nor allocates.
class Histogram {
 public:
  // Upper bounds of the buckets; the last bucket has none.
  static constexpr std::array<Microseconds, 14> bounds{
      Microseconds{1'000},      Microseconds{2'500},     Microseconds{5'000},     Microseconds{10'000},
      Microseconds{25'000},     Microseconds{50'000},    Microseconds{100'000},   Microseconds{250'000},
      Microseconds{500'000},    Microseconds{1'000'000}, Microseconds{2'500'000}, Microseconds{5'000'000},
      Microseconds{10'000'000}, Microseconds{30'000'000}};
  using Counts = std::array<std::uint64_t, bounds.size() + 1>;

  void observe(Microseconds time);
  [[nodiscard]] Counts counts() const;  // of each bucket alone
  [[nodiscard]] double sum() const;     // seconds

 private:
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> counts_{};
  std::atomic<std::int64_t> microseconds_{0};
};

// Counters, gauges and histograms in Prometheus' text format (version 0.0.4). Thread-safe. Counting goes
// through references that were looked up before: it is an atomic addition.
class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  using Counter = std::atomic<std::uint64_t>;
  enum class Kind { counter, gauge, histogram };

  void describe(const std::string& name, Kind kind, const std::string& help);

  // Of the whole process: made at its first use, the reference stays valid.
  Counter& counter(const std::string& name, const Labels& labels);
  Histogram& histogram(const std::string& name, const Labels& labels);
  // Of something that comes and goes: listed for as long as somebody holds it. Who asks for the same while
  // it is held gets the same.
  std::shared_ptr<Counter> held_counter(const std::string& name, const Labels& labels);
  std::shared_ptr<Histogram> held_histogram(const std::string& name, const Labels& labels);

  // What is looked up when somebody asks: `read` says it to `Sample`, at each scrape, from any thread. It
  // must not wait for a disk: the metrics are needed most when that hangs.
  using Sample = std::function<void(const std::string& name, const Labels& labels, double value)>;
  void add_reader(std::function<void(const Sample&)> read);

  [[nodiscard]] std::string exposition() const;

 private:
  template <class T>
  struct Series {
    std::weak_ptr<T> value;
    std::shared_ptr<T> kept;  // of the whole process
  };
  template <class T>
  using AllSeries = std::map<std::string, Series<T>>;  // by rendered labels
  struct Family {
    Kind kind = Kind::gauge;
    std::string help;
    AllSeries<Counter> counters;
    AllSeries<Histogram> histograms;
  };
  template <class T>
  std::shared_ptr<T> held(AllSeries<T> Family::*all, const std::string& name, const Labels& labels,
                          bool keep);
  void write_family(std::string& out, const std::string& name, Family& family,
                    const std::map<std::string, double>& samples) const;

  mutable std::mutex mutex_;
  mutable std::map<std::string, Family> families_;
  std::vector<std::function<void(const Sample&)>> readers_;
};

}  // namespace tarn::server
