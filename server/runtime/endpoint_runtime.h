// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "core/archive/archive.h"
#include "core/base/time.h"
#include "core/timeline/output.h"
#include "core/timeline/window.h"
#include "server/runtime/collection_plan.h"
#include "server/runtime/content_cache.h"
#include "server/runtime/endpoint_meters.h"
#include "server/runtime/event_log.h"
#include "server/runtime/lead_store.h"
#include "server/runtime/manifest_store.h"
#include "server/runtime/metrics.h"
#include "server/runtime/origin.h"
#include "server/runtime/packager.h"
#include "server/runtime/playback_file.h"
#include "server/runtime/single_flight.h"
#include "server/runtime/worker_pool.h"

namespace tarn::server {

// What an endpoint does while it is asked: manifests rendered once per state of the timeline, segments
// packaged once, by a pipeline that is built at the first request and goes after a minute without one.
// Thread-safe; must be held by a shared_ptr (jobs hold it too).
class EndpointRuntime : public std::enable_shared_from_this<EndpointRuntime> {
 public:
  struct Parts {  // all outlive it
    WorkerPool& workers;
    ContentCache& cache;
    Metrics& metrics;
    EventLog& log;
    // "ingest1" or "ingest2", whose content is used at present; empty: nothing came yet. Any thread.
    std::function<std::string()> active_input;
  };
  struct Settings {
    std::string label;  // "group/channel/endpoint", for logs
    timeline::OutputSettings output;
    std::string time_url;
    timeline::WindowLimits windows = {};
    bool error_on_stale = false;
    timeline::KeyPeriods<crypto::StreamProtection> protection = {};  // empty: in the clear, or no key yet
  };
  // What is asked for, and when.
  struct Request {
    std::string file;
    timeline::WindowQuery window;
    Monotonic now{};
    Utc utc{};
    bool is_collected = false;  // any age, and not worth a place among what viewers want
  };
  struct State {
    bool pipeline = false;
    std::uint64_t requests = 0;
    std::uint64_t packaged = 0;
    std::uint64_t failures = 0;
    std::string last_error;
  };

  EndpointRuntime(Parts parts, Settings settings, std::shared_ptr<archive::Archive> archive,
                  PackagerFactory make_packager);

  // Takes effect with the next request.
  void set_settings(Settings settings);
  void fetch(const Request& request, std::function<void(Fetched)> done);
  // As plan_collection() of its settings and timeline.
  [[nodiscard]] Result<CollectionPlan> plan(Utc start, Utc end, const CollectionLook& look) const;
  // Gives up the pipeline when nothing was packaged for a minute, and of a channel that is silent what is
  // ready: it may be too old by now.
  void tick(Monotonic now);

  [[nodiscard]] State state() const;
  [[nodiscard]] std::string label() const { return settings()->label; }
  [[nodiscard]] const EndpointMeters& meters() const { return meters_; }

 private:
  using Timeline = std::shared_ptr<const timeline::Timeline>;
  class StateReuse;

  struct ManifestJob;
  void fetch_manifest(const Timeline& timeline, const std::shared_ptr<const Settings>& current,
                      const Request& request, const timeline::ManifestName& name,
                      std::function<void(Fetched)> done);
  void finish_manifest(const ManifestJob& job);
  // Packages what an I-frame playlist has to know the sizes of; others have their turn after each segment.
  void gather_leads(const std::shared_ptr<const ManifestJob>& job, std::vector<std::string> missing);
  std::vector<std::string> missing_leads(const ManifestJob& job) const;
  void learn_lead(const ManifestJob& job, const std::string& segment);
  Fetched render(const timeline::Timeline& timeline, const Settings& settings, const Request& request,
                 const timeline::ManifestName& name);
  Result<std::string> render_text(const timeline::Timeline& timeline, const Settings& settings,
                                  const timeline::ManifestName& name, const timeline::Window& window) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> facts(
      const timeline::Timeline& timeline, const timeline::Presentation& presentation) const;
  void fetch_media(const MediaFile& media, const Request& request,
                   const std::shared_ptr<const Settings>& settings, std::function<void(Fetched)> done);
  enum class Use { kept, once };  // whether it gets a place in the cache
  // On the strand; never throws for want of memory.
  Fetched package(const MediaFile& media, const Request& request, const Settings& settings, Use use);
  Fetched package_media(const MediaFile& media, const Request& request, const Settings& settings);
  Fetched package_text(const TextRequest& text, const std::string& content_type, const Request& request,
                       const Settings& settings);
  Fetched package_failed(const Request& request, const Settings& settings, const std::string& what);
  [[nodiscard]] std::shared_ptr<const Settings> settings() const;
  void note_failure(const std::string& what);
  void grow_older(Monotonic now);

  Parts parts_;
  std::shared_ptr<archive::Archive> archive_;
  PackagerFactory make_packager_;
  const std::string strand_;
  SingleFlight flights_;

  mutable std::mutex mutex_;
  std::shared_ptr<const Settings> settings_;
  std::string last_error_;
  ManifestStore manifests_;
  LeadStore leads_;

  std::atomic<std::uint64_t> age_{0};  // of what is ready: grows while the channel is silent
  Monotonic looked_at_{};              // these two belong to tick()
  std::weak_ptr<const timeline::Timeline> seen_;

  // The pipeline: touched on the strand only.
  std::unique_ptr<Packager> packager_;
  Packaging packaging_;

  std::atomic<bool> has_packager_{false};
  std::atomic<std::int64_t> last_packaged_{0};  // Monotonic, µs
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> packaged_{0};
  std::atomic<std::uint64_t> failures_{0};
  EndpointMeters meters_;
  Metrics::Counter& hits_;
  Metrics::Counter& misses_;
  Metrics::Counter& renders_;
};

}  // namespace tarn::server
