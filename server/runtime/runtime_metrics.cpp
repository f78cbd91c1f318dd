// SPDX-License-Identifier: Apache-2.0
// What the metrics say of channels and endpoints at the moment of a scrape. Nothing here waits for a disk.
#include <algorithm>

#include "core/timeline/slot_time.h"
#include "server/runtime/channel_meters.h"
#include "server/runtime/runtime.h"

namespace tarn::server {
namespace {

Metrics::Labels with(Metrics::Labels labels, const char* name, std::string value) {
  labels.emplace_back(name, std::move(value));
  return labels;
}

double seconds(Microseconds time) { return static_cast<double>(time.count()) / 1e6; }

void read_inputs(const ChannelRuntime::Gauges& gauges, const Metrics::Labels& labels,
                 const Metrics::Sample& sample) {
  for (std::size_t i = 0; i < gauges.inputs.size(); ++i) {
    const auto& input = gauges.inputs[i];
    const std::string name = input_name(static_cast<int>(i));
    const auto with_input = with(labels, "input", name);
    sample("tarn_input_connected", with_input, input.is_connected ? 1 : 0);
    sample("tarn_input_active", with_input, gauges.active_input == name ? 1 : 0);
    sample("tarn_input_bitrate_bits", with_input, static_cast<double>(input.bitrate));
    if (!input.state.state.empty())
      sample("tarn_input_state", with(with_input, "state", input.state.state), 1);
    if (input.state.drift) sample("tarn_input_drift_seconds", with_input, seconds(*input.state.drift));
    for (const std::string& code : input.conditions) {
      sample("tarn_input_condition", with(with_input, "condition", code), 1);
    }
  }
}

}  // namespace

void Runtime::read_channel(const Metrics::Labels& labels, const std::string& id,
                           const ChannelRuntime& channel, const Metrics::Sample& sample) const {
  const archive::Archive& archive = *channel.archive();
  const archive::Statistics statistics = archive.statistics();
  sample("tarn_archive_bytes", labels, static_cast<double>(statistics.bytes));
  sample("tarn_archive_chunks", labels, static_cast<double>(statistics.chunks));
  read_inputs(channel.gauges(parts_.clocks.monotonic()), labels, sample);
  const auto timeline = archive.timeline();
  if (timeline->empty()) return;
  const auto newest = timeline->find(timeline->end_slot() - 1);
  const auto oldest = timeline->find(timeline->first_slot());
  if (newest == nullptr || oldest == nullptr) return;
  sample("tarn_timeline_lag_seconds", labels,
         seconds(parts_.clocks.utc() - timeline::end_of(*timeline, *newest)));
  sample("tarn_timeline_start_seconds", labels, seconds(oldest->utc.time_since_epoch()));
  const auto use = channel.use(retention(id), std::nullopt);
  const Microseconds kept_too_long = use ? use->keep_from - oldest->utc : Microseconds{0};
  sample("tarn_retention_lag_seconds", labels, seconds(std::max(kept_too_long, Microseconds{0})));
}

void Runtime::read_metrics(const Metrics::Sample& sample) const {
  std::map<std::string, Channel> channels;
  std::map<std::string, Running> running;
  {
    const std::shared_lock lock{mutex_};
    channels = channels_;
    running = running_;
  }
  for (const auto& [id, channel] : channels) {
    const Metrics::Labels labels{{"group", channel.group}, {"channel", channel.name}};
    const auto at = running.find(id);
    const bool works = at != running.end() && at->second.channel->archive()->health().ok();
    sample("tarn_archive_failed", labels, works ? 0 : 1);
    sample("tarn_channel_running", labels, channel.is_stopped ? 0 : 1);
    if (at == running.end()) continue;
    read_channel(labels, id, *at->second.channel, sample);
    for (const auto& [endpoint_id, endpoint] : at->second.endpoints) {
      const std::string label = endpoint->label();
      sample("tarn_packaging_pipelines", with(labels, "endpoint", label.substr(label.rfind('/') + 1)),
             endpoint->state().pipeline ? 1 : 0);
    }
  }
  sample("tarn_segment_cache_bytes", {}, static_cast<double>(cache_.bytes()));
  sample("tarn_segment_cache_limit_bytes", {}, static_cast<double>(settings_.cache_bytes));
}

}  // namespace tarn::server
