// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/metrics.h"

#include <algorithm>
#include <charconv>

namespace tarn::server {
namespace {

constexpr double microseconds_per_second = 1e6;

std::string escape(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out.append("\\n");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string render(const Metrics::Labels& labels) {
  if (labels.empty()) return {};
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    if (out.size() > 1) out.push_back(',');
    out.append(name).append("=\"").append(escape(value)).append("\"");
  }
  return out + "}";
}

// `labels` as rendered, with one more.
std::string with_label(const std::string& labels, std::string_view name, std::string_view value) {
  std::string out = labels.empty() ? "{" : labels.substr(0, labels.size() - 1) + ",";
  return out.append(name).append("=\"").append(value).append("\"}");
}

std::string number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

void write_sample(std::string& out, std::string_view name, std::string_view labels, std::string_view value) {
  out.append(name).append(labels).append(" ").append(value).append("\n");
}

void write_histogram(std::string& out, const std::string& name, const std::string& labels,
                     const Histogram& histogram) {
  const Histogram::Counts counts = histogram.counts();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const bool is_last = i == Histogram::bounds.size();
    const std::string bound =
        is_last ? "+Inf"
                : number(static_cast<double>(Histogram::bounds[i].count()) / microseconds_per_second);
    write_sample(out, name + "_bucket", with_label(labels, "le", bound), std::to_string(total));
  }
  write_sample(out, name + "_sum", labels, number(histogram.sum()));
  write_sample(out, name + "_count", labels, std::to_string(total));
}

std::string_view name_of(Metrics::Kind kind) {
  constexpr std::array<std::string_view, 3> names{"counter", "gauge", "histogram"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace

void Histogram::observe(Microseconds time) {
  const auto bucket =
      static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), time) - bounds.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  microseconds_.fetch_add(time.count(), std::memory_order_relaxed);
}

Histogram::Counts Histogram::counts() const {
  Counts copy{};
  for (std::size_t i = 0; i < copy.size(); ++i) copy[i] = counts_[i].load(std::memory_order_relaxed);
  return copy;
}

double Histogram::sum() const {
  return static_cast<double>(microseconds_.load(std::memory_order_relaxed)) / microseconds_per_second;
}

void Metrics::describe(const std::string& name, Kind kind, const std::string& help) {
  const std::lock_guard lock{mutex_};
  Family& family = families_[name];
  family.kind = kind;
  family.help = help;
}

template <class T>
std::shared_ptr<T> Metrics::held(AllSeries<T> Family::*all, const std::string& name, const Labels& labels,
                                 bool keep) {
  const std::lock_guard lock{mutex_};
  Series<T>& series = (families_[name].*all)[render(labels)];
  std::shared_ptr<T> value = series.value.lock();
  if (!value) {
    value = std::make_shared<T>();
    series.value = value;
  }
  if (keep) series.kept = value;
  return value;
}

Metrics::Counter& Metrics::counter(const std::string& name, const Labels& labels) {
  return *held(&Family::counters, name, labels, true);
}

Histogram& Metrics::histogram(const std::string& name, const Labels& labels) {
  return *held(&Family::histograms, name, labels, true);
}

std::shared_ptr<Metrics::Counter> Metrics::held_counter(const std::string& name, const Labels& labels) {
  return held(&Family::counters, name, labels, false);
}

std::shared_ptr<Histogram> Metrics::held_histogram(const std::string& name, const Labels& labels) {
  return held(&Family::histograms, name, labels, false);
}

void Metrics::add_reader(std::function<void(const Sample&)> read) {
  const std::lock_guard lock{mutex_};
  readers_.push_back(std::move(read));
}

void Metrics::write_family(std::string& out, const std::string& name, Family& family,
                           const std::map<std::string, double>& samples) const {
  std::erase_if(family.counters, [](const auto& entry) { return entry.second.value.expired(); });
  std::erase_if(family.histograms, [](const auto& entry) { return entry.second.value.expired(); });
  if (family.counters.empty() && family.histograms.empty() && samples.empty()) return;
  if (!family.help.empty()) {
    out.append("# HELP ").append(name).append(" ").append(family.help).append("\n");
    out.append("# TYPE ").append(name).append(" ").append(name_of(family.kind)).append("\n");
  }
  for (const auto& [labels, series] : family.counters) {
    if (const auto value = series.value.lock()) {
      write_sample(out, name, labels, std::to_string(value->load(std::memory_order_relaxed)));
    }
  }
  for (const auto& [labels, series] : family.histograms) {
    if (const auto value = series.value.lock()) write_histogram(out, name, labels, *value);
  }
  for (const auto& [labels, value] : samples) write_sample(out, name, labels, number(value));
}

std::string Metrics::exposition() const {
  std::vector<std::function<void(const Sample&)>> readers;
  {
    const std::lock_guard lock{mutex_};
    readers = readers_;
  }
  // Asked without the lock: a reader may well look at something that counts.
  std::map<std::string, std::map<std::string, double>> samples;
  const Sample take = [&samples](const std::string& name, const Labels& labels, double value) {
    samples[name][render(labels)] = value;
  };
  for (const auto& read : readers) read(take);

  std::string out;
  const std::lock_guard lock{mutex_};
  for (const auto& [name, readings] : samples) families_[name];
  for (auto& [name, family] : families_) write_family(out, name, family, samples[name]);
  return out;
}

}  // namespace tarn::server
