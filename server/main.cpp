// SPDX-License-Identifier: Apache-2.0
#include <glib-unix.h>
#include <gst/gst.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "server/collect/collector.h"
#include "server/config/config.h"
#include "server/control/control.h"
#include "server/http/console_bundle.h"
#include "server/http/control_handler.h"
#include "server/http/http_server.h"
#include "server/http/origin_handler.h"
#include "server/http/request_observer.h"
#include "server/keys/key_service.h"
#include "server/model/model_changes.h"
#include "server/model/secrets.h"
#include "server/runtime/event_feed.h"
#include "server/runtime/metric_list.h"
#include "server/runtime/process_metrics.h"
#include "server/runtime/runtime.h"
#include "server/service_notice.h"

namespace tarn::server {
namespace {

// Leaves a second of the ten in which the server ends.
constexpr Microseconds drain_limit = std::chrono::seconds{9};
// They wait for disks most of their time, each for the files of one channel.
constexpr unsigned least_writers = 8;

Utc utc_now() { return std::chrono::time_point_cast<Microseconds>(std::chrono::system_clock::now()); }
Monotonic monotonic_now() {
  return std::chrono::time_point_cast<Microseconds>(std::chrono::steady_clock::now());
}

// Segments are megabytes that come and go: without this the allocator maps and unmaps each of them, which
// costs more than packaging it does.
void tune_allocator() {
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
}

std::string to_text(const ListenAddress& address) {
  const std::string host =
      address.host.find(':') == std::string::npos ? address.host : "[" + address.host + "]";
  return host + ":" + std::to_string(address.port);
}

std::string base_url(std::string_view scheme, ListenAddress wanted, const std::string& bound) {
  wanted.port = static_cast<std::uint16_t>(std::stoul(bound.substr(bound.rfind(':') + 1)));
  return default_base_url(wanted, scheme);
}

// The URLs of a path of a listener that this server knows as its own.
std::vector<std::string> own_urls(const std::string& scheme, ListenAddress wanted, const std::string& bound,
                                  const std::string& path) {
  const std::string port = bound.substr(bound.rfind(':') + 1);
  std::vector<std::string> urls{base_url(scheme, std::move(wanted), bound) + path,
                                scheme + "://" + bound + path};
  if (bound.starts_with("127.0.0.1:") || bound.starts_with("0.0.0.0:") || bound.starts_with("[::]:")) {
    urls.push_back(scheme + "://127.0.0.1:" + port + path);
    urls.push_back(scheme + "://localhost:" + port + path);
  }
  return urls;
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return Error{ErrorCode::io, "cannot read " + path};
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

void read_collection_tasks(const Collector& collector, const Metrics::Sample& sample) {
  using State = CollectionTask::State;
  Collector::Counts counts = collector.counts();
  for (const State state :
       {State::queued, State::running, State::succeeded, State::failed, State::cancelled}) {
    std::string name{name_of(state)};
    for (char& c : name) c = g_ascii_tolower(c);
    sample("tarn_collection_tasks", {{"state", name}}, static_cast<double>(counts.by_state[state]));
  }
  sample("tarn_collection_tasks_retrying", {}, static_cast<double>(counts.retrying));
}

// Everything that makes up the server, in the order in which it is made.
class Application {
 public:
  explicit Application(ServerConfig config)
      : config_(std::move(config)),
        log_output_(STDERR_FILENO,
                    [format = config_.log_format](std::uint64_t dropped) {
                      const std::string count = std::to_string(dropped);
                      std::string line;
                      EventLog::append_line(line, format, utc_now(), LogLevel::warning, "log-lines-dropped",
                                            std::array<EventLog::FieldView, 1>{{{"count", count}}});
                      return line;
                    }),
        log_(config_.log_format, config_.log_level, utc_now,
             [this](std::string_view line) { log_output_.write(line); }),
        access_log_(log_, log_output_, config_.access_log),
        events_(utc_now, {}),
        workers_(std::max(2U, config_.threads)),
        writers_(std::max(least_writers, 2 * config_.threads)) {}

  Status start();
  // The addresses, as the line `ready` shows them.
  [[nodiscard]] std::string ready_line() const;
  void tick() {
    runtime_->tick();
    keys_->tick();
    events_.tick();
    follow_certificate();
  }
  // Takes certificate and key anew if they have changed.
  void follow_certificate();
  void stop();

 private:
  Status open();
  Status apply_resources(const std::string& json);
  Status serve();
  ServingOptions serving_options();
  [[nodiscard]] std::string scheme() const { return config_.tls_certificate.empty() ? "http" : "https"; }

  ServerConfig config_;
  Metrics metrics_;
  LogOutput log_output_;
  EventLog log_;
  AccessLog access_log_;
  EventFeed events_;
  WorkerPool workers_;
  WorkerPool writers_;
  std::string token_;
  std::string ingest_base_;
  std::string origin_base_;
  std::unique_ptr<front::TlsContext> tls_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<Store> store_;
  std::shared_ptr<const Model> known_model_;  // the latest that the store's listener was given
  std::optional<BuiltinProvider> key_provider_;
  std::unique_ptr<KeyService> keys_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<HotAnswers> hot_answers_;
  std::unique_ptr<OriginHandler> origin_handler_;
  std::unique_ptr<ControlHandler> control_handler_;
};

Status Application::open() {
  store_ = TRY(Store::open(config_.data_dir, config_.key_file));
  token_ = TRY(load_control_token(config_.control_token_file));
  if (!config_.tls_certificate.empty())
    tls_ = TRY(front::TlsContext::load(config_.tls_certificate, config_.tls_key));
  // Bound first: with port 0 the URLs in manifests and answers depend on what was chosen.
  server_ =
      TRY(HttpServer::bind({to_text(config_.listen), to_text(config_.control_listen)}, config_.threads));
  const std::string own = base_url(scheme(), config_.listen, server_->addresses()[0]);
  ingest_base_ = config_.ingest_base_url.empty() ? own : config_.ingest_base_url;
  origin_base_ = config_.origin_base_url.empty() ? own : config_.origin_base_url;
  const OutboundPolicy outbound{config_.outbound_allow};
  std::vector<std::string> own_key_providers;
  std::string clearkey_url;
  if (config_.builtin_key_provider) {
    clearkey_url = base_url(scheme(), config_.control_listen, server_->addresses()[1]) + "/clearkey";
    key_provider_.emplace(TRY(BuiltinProvider::open(*store_)));
    log_.write(LogLevel::warning, "builtin-key-provider", {{"text", "for development and tests only"}});
    own_key_providers = own_urls(scheme(), config_.control_listen, server_->addresses()[1], "/speke");
  }
  std::vector<KeyServerCredentials> key_server_credentials;
  if (!config_.key_server_credentials.empty()) {
    key_server_credentials =
        TRY(read_key_server_credentials(TRY(read_secret_file(config_.key_server_credentials))));
  }
  keys_ = std::make_unique<KeyService>(KeyService::Parts{*store_,
                                                         log_,
                                                         metrics_,
                                                         utc_now,
                                                         outbound,
                                                         key_provider_ ? &*key_provider_ : nullptr,
                                                         own_key_providers,
                                                         clearkey_url,
                                                         {},
                                                         std::move(key_server_credentials)},
                                       *store_->model());
  RuntimeSettings settings;
  settings.keys = keys_.get();
  settings.data_directory = config_.data_dir;
  settings.origin_base_url = origin_base_;
  settings.longest_window = config_.longest_window;
  settings.archive_quota = config_.archive_quota;
  runtime_ = std::make_unique<Runtime>(
      Runtime::Parts{workers_, writers_, metrics_, log_, Clocks{utc_now, monotonic_now}}, settings,
      *store_->model());
  keys_->set_listener([this] { runtime_->follow(*store_->model()); });
  keys_->set_content_source([this](const Endpoint& endpoint) { return runtime_->keyed_content(endpoint); });
  runtime_->follow(*store_->model());  // keys that came before there was a listener
  known_model_ = store_->model();
  store_->add_listener([this](const std::shared_ptr<const Model>& model) {
    for (const ModelChange& change : changes_between(*known_model_, *model)) {
      const EventLog::Field resource{"resource", change.resource};
      const EventLog::Field request{"request", changing_request()};
      const std::string event = std::string{"resource-"} + change.what;
      const bool is_of_api = !request.second.empty();  // else whoever changes it tells of it
      const std::vector fields = is_of_api ? std::vector{resource, request} : std::vector{resource};
      events_.add(LogLevel::info, event, fields);
      if (is_of_api) log_.write(LogLevel::info, event, fields);
    }
    known_model_ = model;
    keys_->follow(*model);
    runtime_->follow(*model);
  });
  CollectorSettings collecting;
  collecting.bytes_per_second = config_.collection_rate;
  collecting.targets.root = config_.collection_root;
  collecting.targets.limits.idle = config_.collection_timeout;
  collecting.retry.patience = config_.collection_patience;
  collecting.marks = config_.data_dir + "/collecting";
  collecting.targets.outbound = outbound;
  collecting.targets.now = utc_now;
  if (!config_.bucket_credentials.empty()) {
    collecting.targets.credentials =
        TRY(read_bucket_credentials(TRY(read_secret_file(config_.bucket_credentials))));
  }
  collector_ = TRY(Collector::open(Collector::Parts{*store_, *runtime_, log_, utc_now, monotonic_now},
                                   std::move(collecting)));
  control_ = std::make_unique<Control>(
      ControlSettings{token_, ingest_base_, origin_base_, outbound, own_key_providers}, *store_, *runtime_,
      utc_now, collector_.get());
  if (!config_.resources.empty()) {
    const std::string resources = TRY(read_text(config_.resources));
    TRY(apply_resources(resources));
  }
  return {};
}

// What the file has changed: what was meant for another server shows before it is missed. For people as a
// diff, whatever the level of the log; who reads JSON has it in the lines.
Status Application::apply_resources(const std::string& json) {
  std::vector<ResourceChange> changes;
  TRY(control_->apply_resources(json, &changes));
  const bool is_for_people = config_.log_format == LogFormat::text;
  if (is_for_people) log_output_.write(config_.resources + ":\n" + print_changes(changes));
  const auto tell = [&](const std::string& event, const std::vector<EventLog::Field>& fields) {
    if (is_for_people) return log_.write(LogLevel::info, event, fields);
    log_.answer(event, fields);
  };
  std::map<ResourceChange::Kind, std::size_t> counts;
  for (const ResourceChange& change : changes) {
    ++counts[change.kind];
    std::string names;
    std::string values;
    for (const auto& [name, before, after] : change.settings) {
      names += (names.empty() ? "" : ",") + name;
      values += (values.empty() ? "" : "; ") + name + ": " + before + " -> " + after;
    }
    tell("resource-" + std::string{name_of(change.kind)},
         {{"resource", change.resource}, {"fields", names}, {"diff", values}});
    if (change.kept_for.empty()) continue;
    const std::vector<EventLog::Field> kept{
        {"resource", change.resource}, {"fields", "drm"}, {"task", change.kept_for}};
    log_.write(LogLevel::warning, "resource-kept", kept);
    events_.add(LogLevel::warning, "resource-kept", kept);
  }
  using Kind = ResourceChange::Kind;
  tell("resources-applied", {{"created", std::to_string(counts[Kind::created])},
                             {"updated", std::to_string(counts[Kind::updated])},
                             {"unchanged", std::to_string(counts[Kind::unchanged])}});
  return {};
}

Status Application::serve() {
  const ModelSource model = [this] { return store_->model(); };
  const auto observer =
      make_request_observer({"origin", "control"}, metrics_, access_log_, config_.trusted_proxies);
  hot_answers_ = std::make_unique<HotAnswers>(0, observer, !config_.trusted_proxies.empty());
  origin_handler_ = std::make_unique<OriginHandler>(
      model, *runtime_, utc_now,
      PlaybackSettings{config_.trusted_proxies, config_.require_access_control, hot_answers_.get()});
  const ConsoleFiles::Source console = config_.console_dir.empty()
                                           ? ConsoleFiles::in_bundle(console_bundle())
                                           : ConsoleFiles::in_directory(config_.console_dir);
  control_handler_ = std::make_unique<ControlHandler>(ControlHandler::Parts{
      *control_, workers_, metrics_, ConsoleFiles{console, origin_base_}, token_,
      [this] { return runtime_->is_ready() && ::access(config_.data_dir.c_str(), W_OK) == 0; },
      key_provider_ ? &*key_provider_ : nullptr, &events_});
  return server_->serve({origin_handler_.get(), control_handler_.get()}, observer, serving_options());
}

ServingOptions Application::serving_options() {
  ServingOptions options;
  options.limits = config_.limits;
  options.fast_lanes = {hot_answers_.get()};
  options.tls = tls_.get();
  options.exempt = [proxies = config_.trusted_proxies](const std::string& address) {
    const auto parsed = parse_address(address);
    return address.starts_with("127.") || address == "::1" ||
           (parsed && std::any_of(proxies.begin(), proxies.end(),
                                  [&](const Network& network) { return network.contains(*parsed); }));
  };
  options.refused = make_refusal_observer({"origin", "control"}, metrics_, access_log_);
  metrics_.add_reader([this](const Metrics::Sample& sample) {
    sample("tarn_build_info", {{"version", TARN_VERSION}}, 1);
    sample("tarn_http_connections", {}, static_cast<double>(server_->connections()));
    sample("tarn_log_dropped_total", {}, static_cast<double>(log_output_.dropped()));
    read_collection_tasks(*collector_, sample);
    read_process(sample);
  });
  return options;
}

Status Application::start() {
  describe_metrics(metrics_);
  log_.set_listener([this](LogLevel level, std::string_view event, const auto& fields) {
    // Requests are too many; of changes the store tells.
    if (event != "request" && event != "refused" && !event.starts_with("resource")) {
      events_.add(level, event, fields);
    }
  });
  if (Status opened = open(); !opened.ok()) return opened;
  return serve();
}

std::string Application::ready_line() const {
  const auto& addresses = server_->addresses();
  return "ready origin=" + scheme() + "://" + addresses[0] + " control=" + scheme() + "://" + addresses[1] +
         "\n";
}

void Application::follow_certificate() {
  if (!tls_) return;
  const auto changed = tls_->reload_if_changed();
  if (!changed) {
    log_.write(LogLevel::error, "certificate-refused", {{"error", changed.error().message}});
  } else if (*changed) {
    log_.write(LogLevel::info, "certificate-loaded", {{"file", config_.tls_certificate}});
  }
}

void Application::stop() {
  events_.close();
  const bool drained = server_->drain(drain_limit);
  log_.write(LogLevel::info, "stopping", {{"drained", drained ? "true" : "false"}});
  server_.reset();
  collector_->stop();  // asks the workers
  writers_.stop();
  workers_.stop();
  keys_.reset();  // its thread calls the runtime
}

int run(const ServerConfig& config) {
  Application application{config};
  if (const Status started = application.start(); !started.ok()) {
    std::fprintf(stderr, "tarnd: %s\n", started.error().message.c_str());
    return 1;
  }
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  const auto quit = [](gpointer data) -> gboolean {
    g_main_loop_quit(static_cast<GMainLoop*>(data));
    return G_SOURCE_CONTINUE;
  };
  g_unix_signal_add(SIGTERM, quit, loop);
  g_unix_signal_add(SIGINT, quit, loop);
  g_unix_signal_add(
      SIGHUP,
      [](gpointer data) -> gboolean {
        static_cast<Application*>(data)->follow_certificate();
        return G_SOURCE_CONTINUE;
      },
      &application);
  g_timeout_add_seconds(
      1,
      [](gpointer data) -> gboolean {
        static_cast<Application*>(data)->tick();
        return G_SOURCE_CONTINUE;
      },
      &application);
  // Whoever reads this may ask for the end at once.
  std::cout << application.ready_line() << std::flush;
  notify_service("READY=1");
  g_main_loop_run(loop);
  notify_service("STOPPING=1");
  application.stop();
  g_main_loop_unref(loop);
  return 0;
}

}  // namespace
}  // namespace tarn::server

int main(int argc, char** argv) {
  using namespace tarn::server;
  // Credentials and keys are in memory: no core dumps, no debugger of the same user.
  prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);
  tune_allocator();
  const std::vector<std::string> arguments{argv + 1, argv + argc};
  const auto config = parse_config(arguments);
  if (!config) {
    std::fprintf(stderr, "tarnd: %s\n", config.error().message.c_str());
    return 2;
  }
  if (config->action == ServerConfig::Action::show_help) {
    std::cout << help_text();
    return 0;
  }
  if (config->action == ServerConfig::Action::show_version) {
    std::cout << "tarnd " << TARN_VERSION << "\n";
    return 0;
  }
  gst_init(nullptr, nullptr);
  return run(*config);
}
