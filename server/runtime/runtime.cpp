// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/runtime.h"

#include <algorithm>
#include <filesystem>

#include "core/timeline/output_span.h"
#include "core/timeline/slot_time.h"
#include "server/runtime/journaled_ingest.h"
#include "server/runtime/retention.h"
#include "server/runtime/status_json.h"

namespace tarn::server {
namespace {

namespace fs = std::filesystem;

constexpr char deleted_suffix[] = ".deleted";
constexpr std::uint64_t ticks_between_trims = 10;

Microseconds days(std::uint32_t count) { return std::chrono::hours{24} * count; }

// Where DASH players ask for the time; absolute, because not all of them resolve it.
std::string time_url(std::string base, const Group& group) {
  while (base.ends_with('/')) base.pop_back();
  if (const auto label = base.find("{label}"); label != std::string::npos) {
    base.replace(label, 7, group.label);
  }
  return base + "/time";
}

}  // namespace

Runtime::Runtime(Parts parts, RuntimeSettings settings, const Model& model)
    : parts_(std::move(parts)), settings_(std::move(settings)), cache_(settings_.cache_bytes) {
  parts_.metrics.add_reader([this](const Metrics::Sample& sample) { read_metrics(sample); });
  clear_deleted(model);
  follow(model);
}

Runtime::~Runtime() = default;

std::string Runtime::directory(const Channel& channel) const {
  return settings_.data_directory + "/channels/" + archive_name(channel);
}

// A channel's content is renamed before it is deleted, so that a deletion that was cut short is
// finished here. Content whose channel the model does not know stays, because the model may be an old
// backup; it is reported.
void Runtime::clear_deleted(const Model& model) const {
  std::set<std::string> known;
  std::set<std::string> ids;
  for (const auto& [path, channel] : model.channels) {
    known.insert(archive_name(channel));
    ids.insert(channel.id);
  }
  std::error_code error;
  fs::create_directories(settings_.data_directory + "/channels", error);
  for (const auto& entry : fs::directory_iterator{settings_.data_directory + "/channels", error}) {
    std::error_code ignored;
    const std::string name = entry.path().filename().string();
    const bool was_reset = !known.contains(name) && ids.contains(name.substr(0, name.find('-')));
    if (was_reset || name.ends_with(deleted_suffix)) {
      fs::remove_all(entry.path(), ignored);
    } else if (!known.contains(name)) {
      parts_.log.write(LogLevel::warning, "archive-without-channel", {{"directory", entry.path().string()}});
    }
  }
}

void Runtime::follow(const Model& model) {
  const std::lock_guard following{follow_mutex_};
  if (model.version < followed_version_) return;  // a later one was faster
  followed_version_ = model.version;
  std::set<std::string> kept;
  for (const auto& [path, channel] : model.channels) {
    kept.insert(channel.id);
    start_channel(channel);
    follow_endpoints(model, channel);
  }
  std::vector<std::string> gone;
  {
    const std::shared_lock lock{mutex_};
    for (const auto& [id, channel] : channels_) {
      if (!kept.contains(id)) gone.push_back(id);
    }
  }
  for (const std::string& id : gone) stop_channel(id);
}

void Runtime::start_channel(const Channel& channel) {
  bool was_reset = false;
  {
    const std::shared_lock lock{mutex_};
    const auto at = channels_.find(channel.id);
    was_reset = at != channels_.end() && at->second.content != channel.content;
  }
  if (was_reset) stop_channel(channel.id);
  if (const auto running = find_channel(channel.id)) {
    running->set_channel(channel);
    const std::unique_lock lock{mutex_};
    channels_[channel.id] = channel;
    return;
  }
  auto archive = archive::Archive::open(directory(channel));
  bool has_journal = false;
  if (archive) {
    const auto journal = archive::Journal::open(directory(channel) + "/journal");
    if (!journal) (*archive)->mark_failed(journal.error());
    has_journal = journal.ok() && has_media(**journal);
  }
  const std::unique_lock lock{mutex_};
  channels_[channel.id] = channel;
  if (!archive) {
    broken_.insert(channel.id);
    parts_.log.write(LogLevel::error, "archive-failed",
                     {{"channel", channel.group + "/" + channel.name}, {"error", archive.error().message}});
    return;
  }
  broken_.erase(channel.id);
  report_recovery(channel, **archive);
  const auto runtime = std::make_shared<ChannelRuntime>(
      parts_, channel, *archive,
      [make = settings_.make_ingest, where = directory(channel), protocol = channel.protocol,
       held = *archive](std::uint32_t duration,
                        const IngestEvents& events) -> Result<std::unique_ptr<IngestLine>> {
        auto journal = TRY(archive::Journal::open(where + "/journal"));
        return with_journal(TRY(make({where, duration, protocol}, events)), std::move(journal), held, events);
      });
  running_[channel.id].channel = runtime;
  if (has_journal) runtime->recover();
}

void Runtime::report_recovery(const Channel& channel, const archive::Archive& archive) const {
  for (const std::string& what : archive.repairs()) {
    parts_.log.write(LogLevel::warning, "archive-repaired",
                     {{"channel", channel.group + "/" + channel.name}, {"text", what}});
  }
}

void Runtime::stop_channel(const std::string& id) {
  Running gone;
  std::string from;
  {
    const std::unique_lock lock{mutex_};
    if (const auto at = channels_.find(id); at != channels_.end()) from = directory(at->second);
    channels_.erase(id);
    broken_.erase(id);
    time_shift_days_.erase(id);
    const auto at = running_.find(id);
    if (at != running_.end()) {
      gone = std::move(at->second);
      running_.erase(at);
    }
  }
  if (from.empty()) return;
  std::error_code error;
  fs::rename(from, from + deleted_suffix, error);
  auto remove = [to = from + deleted_suffix] {
    std::error_code ignored;
    fs::remove_all(to, ignored);
  };
  if (gone.channel) {
    gone.channel->close(std::move(remove));
  } else {
    remove();
  }
}

void Runtime::follow_endpoints(const Model& model, const Channel& channel) {
  const Group* group = model.group(channel.group);
  std::set<std::string> kept;
  std::uint32_t longest = 0;
  for (const auto& [path, endpoint] : model.endpoints) {
    if (endpoint.group != channel.group || endpoint.channel != channel.name) continue;
    kept.insert(endpoint.id);
    longest = std::max(longest, endpoint.time_shift_days);
    if (group != nullptr) follow_endpoint(*group, channel, endpoint);
  }
  drop_endpoints(channel.id, kept);
  const std::unique_lock lock{mutex_};
  time_shift_days_[channel.id].set(longest, parts_.clocks.monotonic());
}

void Runtime::follow_endpoint(const Group& group, const Channel& channel, const Endpoint& endpoint) {
  const auto runtime = find_channel(channel.id);
  if (!runtime) return;
  EndpointRuntime::Settings settings{group.name + "/" + channel.name + "/" + endpoint.name,
                                     effective(endpoint, channel),
                                     time_url(settings_.origin_base_url, group),
                                     {days(endpoint.time_shift_days), settings_.longest_window},
                                     endpoint.error_on_stale};
  settings.output.endpoint = endpoint.id;
  if (endpoint.is_encrypted() && settings_.keys != nullptr) {
    KeyStatus status = settings_.keys->keys(endpoint);
    settings.output.protection = std::move(status.signalling);
    settings.protection = std::move(status.encryption);
  }
  const Status cut = runtime->archive()->set_presentation(endpoint.id, settings.output.segment_duration,
                                                          channel.segment_duration, parts_.clocks.utc(),
                                                          endpoint.key_period());
  if (!cut) {
    parts_.log.write(LogLevel::error, "presentation-failed",
                     {{"endpoint", settings.label}, {"error", cut.error().message}});
  }
  const std::unique_lock lock{mutex_};
  Running& running = running_[channel.id];
  running.outputs[endpoint.id] = settings.output;
  auto& slot = running.endpoints[endpoint.id];
  if (slot) {
    slot->set_settings(std::move(settings));
    return;
  }
  slot = std::make_shared<EndpointRuntime>(
      EndpointRuntime::Parts{parts_.workers, cache_, parts_.metrics, parts_.log,
                             [weak = std::weak_ptr{runtime}] {
                               const auto fed = weak.lock();
                               return fed ? fed->active_input() : std::string{};
                             }},
      std::move(settings), runtime->archive(),
      [make = settings_.make_packager, where = directory(channel)](const Packaging& packaging) {
        return make(where, packaging);
      });
}

void Runtime::drop_endpoints(const std::string& channel_id, const std::set<std::string>& kept) {
  const auto runtime = find_channel(channel_id);
  if (!runtime) return;
  // Also those that were deleted while the server was down.
  std::set<std::string> gone;
  for (const auto& [id, presentation] : runtime->archive()->timeline()->presentations) {
    if (!kept.contains(id)) gone.insert(id);
  }
  {
    const std::unique_lock lock{mutex_};
    Running& running = running_[channel_id];
    std::erase_if(running.endpoints, [&](const auto& entry) { return !kept.contains(entry.first); });
    std::erase_if(running.outputs, [&](const auto& entry) { return !kept.contains(entry.first); });
  }
  for (const std::string& id : gone) (void)runtime->archive()->remove_presentation(id);
}

// What live playlists need, whatever else is kept.
Microseconds Runtime::live_need(const std::string& channel_id) const {
  const std::shared_lock lock{mutex_};
  Microseconds live{};
  if (const auto at = channels_.find(channel_id); at != channels_.end()) {
    live = live_retention(std::chrono::seconds{at->second.segment_duration}, at->second.segments);
  }
  if (const auto at = running_.find(channel_id); at != running_.end()) {
    const auto timeline = at->second.channel->archive()->timeline();
    for (const auto& [id, output] : at->second.outputs) {
      live = std::max(live, live_retention(output, timeline->presentation(id)));
    }
  }
  return live;
}

Keep Runtime::retention(const std::string& channel_id) const {
  Keep keep{live_need(channel_id), {}};
  const std::shared_lock lock{mutex_};
  if (const auto at = time_shift_days_.find(channel_id); at != time_shift_days_.end()) {
    keep.shift = days(at->second.at(parts_.clocks.monotonic()));
  }
  return keep;
}

void Runtime::tick() {
  std::vector<std::pair<std::string, Running>> all;
  {
    const std::shared_lock lock{mutex_};
    all.assign(running_.begin(), running_.end());
  }
  const Monotonic now = parts_.clocks.monotonic();
  const bool trims = ticks_++ % ticks_between_trims == 0;
  for (const auto& [id, running] : all) {
    running.channel->tick(now);
    if (trims) running.channel->trim(retention(id), held(id));
    for (const auto& [endpoint, runtime] : running.endpoints) runtime->tick(now);
  }
  keep_to_quota(all);
}

void Runtime::keep_to_quota(const std::vector<std::pair<std::string, Running>>& all) {
  if (!settings_.archive_quota) return;
  std::vector<ArchiveUse> uses;
  for (const auto& [id, running] : all) {
    auto use = running.channel->use({live_need(id), {}}, held(id));
    if (!use) continue;
    if (!running.channel->archive()->health().ok()) use->keep_from = use->oldest;  // it can delete nothing
    uses.push_back(std::move(*use));
  }
  for (const Sacrifice& sacrifice : sacrifices(std::move(uses), *settings_.archive_quota)) {
    const auto running = std::find_if(all.begin(), all.end(),
                                      [&](const auto& entry) { return entry.first == sacrifice.channel; });
    if (running == all.end()) continue;
    ChannelRuntime& channel = *running->second.channel;
    parts_.log.write(LogLevel::warning, "archive-over-quota",
                     {{"channel", channel.label()},
                      {"text", "content before " + format_utc(sacrifice.before) + " is deleted"}});
    channel.sacrifice_before(sacrifice.before);
  }
}

bool Runtime::is_ready() const {
  const std::shared_lock lock{mutex_};
  return broken_.empty() && std::all_of(running_.begin(), running_.end(), [](const auto& entry) {
           return entry.second.channel->archive()->health().ok();
         });
}

std::shared_ptr<ChannelRuntime> Runtime::find_channel(const std::string& id) const {
  const std::shared_lock lock{mutex_};
  const auto at = running_.find(id);
  return at == running_.end() ? nullptr : at->second.channel;
}

std::shared_ptr<EndpointRuntime> Runtime::find_endpoint(const std::string& channel_id,
                                                        const std::string& id) const {
  const std::shared_lock lock{mutex_};
  const auto channel = running_.find(channel_id);
  if (channel == running_.end()) return nullptr;
  const auto at = channel->second.endpoints.find(id);
  return at == channel->second.endpoints.end() ? nullptr : at->second;
}

void Runtime::upload(const Channel& channel, UploadedObject object, std::function<void(UploadAnswer)> done) {
  const auto runtime = find_channel(channel.id);
  if (!runtime) {
    return done(
        {UploadAnswer::Outcome::refused, Error{ErrorCode::io, "the channel's archive is not available"}});
  }
  runtime->upload(std::move(object), std::move(done));
}

void Runtime::fetch(const Channel& channel, const Endpoint& endpoint, const std::string& file,
                    const timeline::WindowQuery& window, std::function<void(Fetched)> done) {
  const auto runtime = find_endpoint(channel.id, endpoint.id);
  if (!runtime) return done({nullptr, Fetched::Absence::failed, "the channel's archive is not available"});
  runtime->fetch({file, window, parts_.clocks.monotonic(), parts_.clocks.utc()}, std::move(done));
}

std::shared_ptr<const Delivery> Runtime::delivery(const Channel& channel, const Endpoint& endpoint,
                                                  const std::string& file) {
  const auto runtime = find_endpoint(channel.id, endpoint.id);
  return runtime ? runtime->meters().delivery(file) : nullptr;
}

Result<CollectionPlan> Runtime::plan(const CollectionTask& task, const CollectionLook& look) {
  const auto runtime = find_endpoint(task.channel_id, task.endpoint_id);
  if (!runtime) {
    // It may be there again when the archive is.
    const std::shared_lock lock{mutex_};
    if (broken_.contains(task.channel_id))
      return Error{ErrorCode::io, "the channel's archive is not available"};
    return not_found("the endpoint does not exist any more");
  }
  return runtime->plan(task.start, task.end, look);
}

void Runtime::fetch_media(const CollectionTask& task, const std::string& file,
                          std::function<void(Fetched)> done) {
  const auto runtime = find_endpoint(task.channel_id, task.endpoint_id);
  if (!runtime) return done({nullptr, Fetched::Absence::not_found, "the endpoint does not exist any more"});
  EndpointRuntime::Request request{file, {}, parts_.clocks.monotonic(), parts_.clocks.utc()};
  request.is_collected = true;
  runtime->fetch(request, std::move(done));
}

void Runtime::hold(std::map<std::string, Utc> from) {
  const std::unique_lock lock{mutex_};
  held_ = std::move(from);
}

std::optional<Utc> Runtime::held(const std::string& channel_id) const {
  const std::shared_lock lock{mutex_};
  const auto at = held_.find(channel_id);
  return at == held_.end() ? std::nullopt : std::optional{at->second};
}

std::string Runtime::channel_status(const Channel& channel) {
  const auto runtime = find_channel(channel.id);
  if (!runtime) return broken_status("the channel's archive is not available");
  KeptContent kept{{}, settings_.archive_quota};
  Delivered delivered;
  {
    const std::shared_lock lock{mutex_};
    if (const auto at = running_.find(channel.id); at != running_.end()) {
      for (const auto& [id, endpoint] : at->second.endpoints) delivered += endpoint->meters().delivered();
    }
    if (const auto at = time_shift_days_.find(channel.id); at != time_shift_days_.end())
      kept.days = at->second;
  }
  return channel_status_json(channel, runtime->state(), *runtime->archive(), kept, delivered, parts_.clocks);
}

std::string Runtime::endpoint_status(const Endpoint& endpoint) {
  const std::shared_lock lock{mutex_};
  for (const auto& [id, running] : running_) {
    const auto at = running.endpoints.find(endpoint.id);
    if (at == running.endpoints.end()) continue;
    std::optional<KeyStatus> keys;
    if (endpoint.is_encrypted())
      keys = settings_.keys == nullptr ? KeyStatus{} : settings_.keys->keys(endpoint);
    return endpoint_status_json(endpoint, at->second->state(), *running.channel->archive()->timeline(), keys);
  }
  return broken_status("the channel's archive is not available");
}

std::optional<KeyedContent> Runtime::keyed_content(const Endpoint& endpoint) const {
  std::shared_ptr<const timeline::Timeline> timeline;
  {
    const std::shared_lock lock{mutex_};
    for (const auto& [id, running] : running_) {
      if (running.endpoints.contains(endpoint.id)) timeline = running.channel->archive()->timeline();
    }
  }
  if (!timeline || timeline->empty()) return std::nullopt;
  const timeline::Presentation* presentation = timeline->presentation(endpoint.id);
  const auto newest = *timeline->find(timeline->end_slot() - 1);
  if (presentation == nullptr || presentation->generations.empty()) return std::nullopt;
  return KeyedContent{presentation->generations.front().start, timeline::end_of(*timeline, newest)};
}

bool Runtime::has_content(const Channel& channel) {
  const auto runtime = find_channel(channel.id);
  return runtime && !runtime->archive()->timeline()->empty();
}

}  // namespace tarn::server
