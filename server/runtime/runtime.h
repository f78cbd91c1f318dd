// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>

#include "server/control/control.h"
#include "server/model/store.h"
#include "server/runtime/channel_runtime.h"
#include "server/runtime/collection_plan.h"
#include "server/runtime/content_cache.h"
#include "server/runtime/endpoint_runtime.h"
#include "server/runtime/key_source.h"
#include "server/runtime/origin.h"
#include "server/runtime/retention.h"

namespace tarn::server {

struct RuntimeSettings {
  std::string data_directory;
  std::string origin_base_url;  // may contain {label}
  std::uint64_t cache_bytes = 256ULL << 20;
  Microseconds longest_window = std::chrono::hours{24};  // of a time-shifted manifest
  std::optional<std::uint64_t> archive_quota;            // bytes of all archives together
  // How pipelines are made; tests give their own.
  std::function<Result<std::unique_ptr<IngestLine>>(const IngestLineSettings& settings, IngestEvents events)>
      make_ingest = make_pipeline_ingest;
  std::function<Result<std::unique_ptr<Packager>>(const std::string& archive_directory,
                                                  const Packaging& packaging)>
      make_packager = make_pipeline_packager;
  KeySource* keys = nullptr;  // outlives the runtime; null: encrypted endpoints never get a key
};

// The running system: a ChannelRuntime per channel and an EndpointRuntime per endpoint of the store's
// model, kept in step with it. Archives lie in <data directory>/channels/<channel id>.
class Runtime : public Origin, public StatusSource, public CollectionSource {
 public:
  using Parts = ChannelRuntime::Parts;

  // `parts` outlive it. Opens the archives of all channels of `model`.
  Runtime(Parts parts, RuntimeSettings settings, const Model& model);
  ~Runtime() override;

  // Brings channels and endpoints in line with a model: the Store's listener.
  void follow(const Model& model);
  // Once a second: idle pipelines, silent channels, retention.
  void tick();
  // Every channel's archive is open and can be written.
  [[nodiscard]] bool is_ready() const;

  void upload(const Channel& channel, UploadedObject object, std::function<void(UploadAnswer)> done) override;
  void fetch(const Channel& channel, const Endpoint& endpoint, const std::string& file,
             const timeline::WindowQuery& window, std::function<void(Fetched)> done) override;

  Result<CollectionPlan> plan(const CollectionTask& task, const CollectionLook& look) override;
  void fetch_media(const CollectionTask& task, const std::string& file,
                   std::function<void(Fetched)> done) override;
  void hold(std::map<std::string, Utc> from) override;

  std::shared_ptr<const Delivery> delivery(const Channel& channel, const Endpoint& endpoint,
                                           const std::string& file) override;

  std::string channel_status(const Channel& channel) override;
  std::string endpoint_status(const Endpoint& endpoint) override;
  bool has_content(const Channel& channel) override;
  // none: the endpoint has published nothing, or it is not known yet. Any thread.
  [[nodiscard]] std::optional<KeyedContent> keyed_content(const Endpoint& endpoint) const;

 private:
  struct Running {
    std::shared_ptr<ChannelRuntime> channel;
    std::map<std::string, std::shared_ptr<EndpointRuntime>> endpoints;  // by endpoint id
    std::map<std::string, timeline::OutputSettings> outputs;
  };

  void clear_deleted(const Model& model) const;
  void start_channel(const Channel& channel);
  void stop_channel(const std::string& id);
  void follow_endpoints(const Model& model, const Channel& channel);
  void follow_endpoint(const Group& group, const Channel& channel, const Endpoint& endpoint);
  void drop_endpoints(const std::string& channel_id, const std::set<std::string>& kept);
  [[nodiscard]] Microseconds live_need(const std::string& channel_id) const;
  [[nodiscard]] Keep retention(const std::string& channel_id) const;
  void keep_to_quota(const std::vector<std::pair<std::string, Running>>& all);
  [[nodiscard]] std::optional<Utc> held(const std::string& channel_id) const;
  // runtime_metrics.cpp
  void read_metrics(const Metrics::Sample& sample) const;
  void read_channel(const Metrics::Labels& labels, const std::string& id, const ChannelRuntime& channel,
                    const Metrics::Sample& sample) const;
  void report_recovery(const Channel& channel, const archive::Archive& archive) const;
  [[nodiscard]] std::string directory(const Channel& channel) const;
  [[nodiscard]] std::shared_ptr<ChannelRuntime> find_channel(const std::string& id) const;
  [[nodiscard]] std::shared_ptr<EndpointRuntime> find_endpoint(const std::string& channel_id,
                                                               const std::string& id) const;

  Parts parts_;
  RuntimeSettings settings_;
  ContentCache cache_;
  std::mutex follow_mutex_;  // one model at a time
  std::uint64_t followed_version_ = 0;
  mutable std::shared_mutex mutex_;                  // the maps below
  std::map<std::string, Running> running_;           // by channel id
  std::map<std::string, Channel> channels_;          // as last followed, by id
  std::map<std::string, KeptDays> time_shift_days_;  // largest of the channel's endpoints, by channel id
  std::map<std::string, Utc> held_;                  // what collection tasks still need, by channel id
  std::set<std::string> broken_;                     // channels whose archive could not be opened
  std::uint64_t ticks_ = 0;
};

}  // namespace tarn::server
