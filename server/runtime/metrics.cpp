// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/metrics.h"

namespace tarn::server {
namespace {

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

}  // namespace

void Metrics::describe_counter(const std::string& name, const std::string& help) {
  const std::lock_guard lock{mutex_};
  families_[name].help = help;
}

void Metrics::add_gauge(const std::string& name, const std::string& help,
                        std::function<std::int64_t()> read) {
  add_gauges(name, help, [read = std::move(read)] { return Readings{{{}, read()}}; });
}

void Metrics::add_gauges(const std::string& name, const std::string& help, std::function<Readings()> read) {
  const std::lock_guard lock{mutex_};
  families_[name] = Family{help, {}, std::move(read)};
}

Metrics::Counter& Metrics::counter(const std::string& name, const Labels& labels) {
  const std::lock_guard lock{mutex_};
  auto& slot = families_[name].counters[render(labels)];
  if (!slot) slot = std::make_unique<Counter>(0);
  return *slot;
}

std::string Metrics::exposition() const {
  std::vector<std::pair<std::string, std::function<Readings()>>> gauges;
  std::string out;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [name, family] : families_) {
      if (family.gauge) {
        gauges.emplace_back(name, family.gauge);
        continue;
      }
      out.append("# HELP ").append(name).append(" ").append(family.help).append("\n");
      out.append("# TYPE ").append(name).append(" counter\n");
      for (const auto& [labels, value] : family.counters) {
        out.append(name).append(labels).append(" ").append(std::to_string(value->load())).append("\n");
      }
    }
  }
  // Asked without the lock: a gauge may well look at something that counts.
  for (const auto& [name, read] : gauges) {
    std::string help;
    {
      const std::lock_guard lock{mutex_};
      help = families_.at(name).help;
    }
    out.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out.append("# TYPE ").append(name).append(" gauge\n");
    for (const auto& [labels, value] : read()) {
      out.append(name).append(render(labels)).append(" ").append(std::to_string(value)).append("\n");
    }
  }
  return out;
}

}  // namespace tarn::server
