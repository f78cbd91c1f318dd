// SPDX-License-Identifier: Apache-2.0
#include "server/keys/key_service.h"

#include <algorithm>
#include <functional>
#include <set>

#include "core/base/text.h"
#include "core/drm/contract.h"
#include "server/keys/backoff.h"
#include "server/keys/rotation.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

std::string label_of(const Endpoint& endpoint) {
  return endpoint.group + "/" + endpoint.channel + "/" + endpoint.name;
}

std::string prefix_of(const std::string& endpoint_id) { return "keys/" + endpoint_id + "/"; }

// With zeros in front, so that names sort as periods do.
std::string secret_name(const Endpoint& endpoint, const std::string& identity, std::uint64_t period) {
  const std::string name = prefix_of(endpoint.id) + sha256_hex(identity);
  if (endpoint.key_period() == 0) return name;
  const std::string digits = std::to_string(period);
  constexpr std::size_t most_digits = 20;
  return name + "/" + std::string(most_digits - digits.size(), '0') + digits;
}

// So that not all endpoints ask at the very bound.
Microseconds spread_of(const Endpoint& endpoint) {
  constexpr std::uint32_t part = 8;
  const std::uint64_t widest = std::max<std::uint64_t>(endpoint.key_period() / part, 1);
  return std::chrono::seconds{std::hash<std::string>{}(endpoint.id) % widest};
}

Result<std::shared_ptr<const drm::ContentKeys>> accept(const Endpoint& endpoint, std::uint64_t period,
                                                       std::string_view cpix) {
  const auto document = TRY(drm::cpix::parse(cpix));
  return std::make_shared<const drm::ContentKeys>(
      TRY(drm::accept_answer(contract_of(endpoint, period), document)));
}

// What a key server said of its refusal, as far as it may stand in a log.
std::string refusal_text(const std::string& body) {
  constexpr std::size_t longest = 120;
  std::string text;
  for (const char c : body) {
    if (c < ' ' || c > '~' || text.size() == longest) break;
    text += c;
  }
  return text;
}

Result<std::string> check_answer(const Result<OutboundAnswer>& answer, const Endpoint& endpoint) {
  if (!answer.ok()) return answer.error();
  if (answer->status != 200) {
    const std::string text = refusal_text(answer->body);
    return Error{ErrorCode::io, "the key server answered " + std::to_string(answer->status) +
                                    (text.empty() ? "" : ": " + text)};
  }
  if (answer->content_type != "application/xml" && answer->content_type != "text/xml") {
    return malformed("the key server's answer is not XML");
  }
  const auto version = answer->headers.find("x-speke-version");
  const bool is_other = version != answer->headers.end() && version->second != "2.0";
  if (endpoint.speke_version == drm::SpekeVersion::v2_0 && is_other) {
    return unsupported("the key server's answer has another SPEKE version");
  }
  return answer->body;
}

struct Call {
  std::function<void()> run;
  static gboolean fire(gpointer data) {
    static_cast<Call*>(data)->run();
    return G_SOURCE_REMOVE;
  }
  static void free(gpointer data) { delete static_cast<Call*>(data); }
};

}  // namespace

KeyService::KeyService(Parts parts, const Model& model)
    : parts_(std::move(parts)), context_(g_main_context_new()), loop_(g_main_loop_new(context_, FALSE)) {
  for (const char* outcome : {"answered", "failed"}) {
    parts_.metrics.counter("tarn_key_requests_total", {{"outcome", outcome}});
  }
  update(model);
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) ids.push_back(id);
  for (const std::string& id : ids) load(id);
  thread_ = std::thread{[this] {
    g_main_context_push_thread_default(context_);
    g_main_loop_run(loop_);
    g_main_context_pop_thread_default(context_);
  }};
  invoke([this] { work(); });
}

KeyService::~KeyService() {
  invoke([this] { g_main_loop_quit(loop_); });
  thread_.join();
  g_main_loop_unref(loop_);
  g_main_context_unref(context_);
}

void KeyService::invoke(std::function<void()> call) { invoke_after(Microseconds{0}, std::move(call)); }

void KeyService::invoke_after(Microseconds delay, std::function<void()> call) {
  GSource* source = delay.count() == 0 ? g_idle_source_new()
                                       : g_timeout_source_new(static_cast<guint>(delay.count() / 1000));
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, &Call::fire, new Call{std::move(call)}, &Call::free);
  g_source_attach(source, context_);
  g_source_unref(source);
}

void KeyService::set_listener(std::function<void()> listener) {
  const std::lock_guard lock{mutex_};
  listener_ = std::move(listener);
}

void KeyService::set_content_source(ContentSource source) {
  {
    const std::lock_guard lock{mutex_};
    content_source_ = std::move(source);
  }
  tick();
}

void KeyService::tick() {
  invoke([this] { work(); });
}

void KeyService::follow(const Model& model) {
  if (update(model)) invoke([this] { work(); });
}

bool KeyService::update(const Model& model) {
  const std::lock_guard lock{mutex_};
  std::set<std::string> kept;
  bool has_work = false;
  for (const auto& [path, endpoint] : model.endpoints) {
    if (!endpoint.is_encrypted()) continue;
    kept.insert(endpoint.id);
    Entry& entry = entries_[endpoint.id];
    const bool is_same = entry.identity == key_identity(endpoint);
    const bool is_same_server = entry.endpoint.drm_provider_url == endpoint.drm_provider_url &&
                                entry.endpoint.speke_version == endpoint.speke_version;
    if (!is_same) {
      const std::uint64_t attempt = entry.attempt + 1;
      entry = Entry{};
      entry.identity = key_identity(endpoint);
      entry.attempt = attempt;
    } else if (!is_same_server && (!entry.has_keys() || entry.failures > 0)) {
      // A corrected setting is tried at once, and what is under way does not count any more.
      ++entry.attempt;
      entry.in_flight = false;
      entry.failures = 0;
    }
    entry.endpoint = endpoint;
    // Whose licences they are is part of what manifests say.
    if (!is_same_server) {
      for (Period& period : entry.periods) period = make_period(endpoint, period.from, period.keys);
    }
    has_work = has_work || (!entry.has_keys() && !entry.in_flight);
  }
  for (const auto& [id, entry] : entries_) {
    if (!kept.contains(id)) gone_.push_back(id);
  }
  for (const std::string& id : gone_) entries_.erase(id);
  return !gone_.empty() || has_work;
}

// On the service's thread, as all that follows but keys().
void KeyService::work() {
  std::vector<std::string> ids;
  std::vector<std::string> gone;
  {
    const std::lock_guard lock{mutex_};
    gone = std::exchange(gone_, {});
    for (const auto& [id, entry] : entries_) {
      if (!entry.has_keys() || entry.length() != 0) ids.push_back(id);
    }
  }
  for (const std::string& id : gone) (void)parts_.store.forget_secrets(prefix_of(id), {});
  bool has_news = false;
  for (const std::string& id : ids) {
    has_news = load(id) || has_news;
    tell_of_missing_keys(id);
    bool waits = false;
    {
      const std::lock_guard lock{mutex_};
      const auto at = entries_.find(id);
      waits = at == entries_.end() || at->second.failures > 0;  // its turn comes by itself
    }
    if (!waits) ask(id);
  }
  std::function<void()> listener;
  {
    const std::lock_guard lock{mutex_};
    listener = listener_;
  }
  if (has_news && listener) listener();
}

bool KeyService::is_own(const Endpoint& endpoint) const {
  const auto& own = parts_.own_urls;
  return std::find(own.begin(), own.end(), endpoint.drm_provider_url) != own.end();
}

KeyService::Period KeyService::make_period(const Endpoint& endpoint, std::uint64_t from,
                                           std::shared_ptr<const drm::ContentKeys> keys) const {
  Period made;
  made.from = from;
  made.encryption = std::make_shared<const crypto::StreamProtection>(
      drm::stream_protection(*keys, endpoint.key_period() != 0));
  auto signalling = drm::signalling(*keys);
  if (is_own(endpoint) && !parts_.clearkey_url.empty()) {
    drm::add_clearkey(signalling, parts_.clearkey_url);
  }
  made.signalling = std::make_shared<const timeline::Protection>(std::move(signalling));
  made.keys = std::move(keys);
  return made;
}

std::vector<KeyService::Period> KeyService::load_periods(const Entry& entry) {
  const Endpoint& endpoint = entry.endpoint;
  const std::string base = prefix_of(endpoint.id) + sha256_hex(entry.identity);
  const bool changes = entry.length() != 0;
  std::vector<Period> periods;
  const auto names = parts_.store.secret_names(changes ? base + "/" : base);
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>{}) {
    const std::size_t digits = std::min(name.find_first_not_of('0', base.size() + 1), name.size() - 1);
    const auto period = changes ? parse_u64(std::string_view{name}.substr(digits)) : std::uint64_t{0};
    if (!period || name != secret_name(endpoint, entry.identity, *period)) continue;
    const auto kept = parts_.store.kept_secret(name);
    if (!kept.ok()) continue;
    if (auto keys = accept(endpoint, *period, *kept)) {
      periods.push_back(make_period(endpoint, *period, std::move(keys).value()));
    }
  }
  return periods;
}

bool KeyService::load(const std::string& id) {
  Entry entry;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end() || !at->second.is_new) return false;
    at->second.is_new = false;
    entry = at->second;
  }
  auto periods = load_periods(entry);
  const std::lock_guard lock{mutex_};
  const auto at = entries_.find(id);
  if (periods.empty() || at == entries_.end() || at->second.identity != entry.identity) return false;
  at->second.periods = std::move(periods);
  return true;
}

std::optional<KeyedContent> KeyService::content_of(const Endpoint& endpoint) const {
  ContentSource source;
  {
    const std::lock_guard lock{mutex_};
    source = content_source_;
  }
  return source ? source(endpoint) : std::nullopt;
}

KeyService::Now KeyService::now_of(const std::string& id) const {
  Now now{parts_.utc(), Utc::min(), false};
  Endpoint endpoint;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end()) return now;
    now.is_known = content_source_ != nullptr;
    endpoint = at->second.endpoint;
  }
  if (const auto content = content_of(endpoint)) now.edge = content->edge;
  return now;
}

// The period whose keys an endpoint is to be given; none: it has what it needs.
std::optional<std::uint64_t> KeyService::due(const Entry& entry, const Now& now) {
  if (entry.in_flight) return std::nullopt;
  if (entry.length() == 0) return entry.has_keys() ? std::nullopt : std::optional<std::uint64_t>{0};
  if (!entry.has_keys()) return due_key_period(entry.length(), {}, now.utc, now.edge, {});
  if (!now.is_known) return std::nullopt;
  return due_key_period(entry.length(), entry.periods.back().from, now.utc, now.edge,
                        spread_of(entry.endpoint));
}

// Faults D2: once for each period that begins without keys of its own.
void KeyService::tell_of_missing_keys(const std::string& id) {
  const Utc now = parts_.utc();
  std::string label;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.length() == 0 || !at->second.has_keys()) return;
    Entry& entry = at->second;
    const std::uint64_t period = timeline::key_period_at(entry.length(), now);
    if (period <= entry.periods.back().from || period == entry.told) return;
    entry.told = period;
    label = label_of(entry.endpoint);
  }
  parts_.log.write(LogLevel::warning, "keys-go-on",
                   {{"endpoint", label}, {"text", "there are no keys for this period: the last ones go on"}});
}

void KeyService::ask(const std::string& id) {
  const Now now = now_of(id);
  Entry asked;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    const auto period = at == entries_.end() ? std::nullopt : due(at->second, now);
    if (!period) return;
    Entry& entry = at->second;
    entry.in_flight = true;
    entry.asked = *period;
    ++entry.attempt;
    ++entry.status.requests;
    entry.status.last_request = now.utc;
    asked = entry;
  }
  if (is_own(asked.endpoint)) {
    ask_builtin(id, asked);
  } else {
    ask_server(id, asked);
  }
}

void KeyService::ask_builtin(const std::string& id, const Entry& asked) {
  if (parts_.builtin == nullptr) {
    return failed(id, asked.attempt, not_found("there is no built-in key provider"));
  }
  const bool is_first = asked.endpoint.speke_version == drm::SpekeVersion::v1_0;
  const auto request = drm::request_of(contract_of(asked.endpoint, asked.asked));
  answered(id, asked.attempt, parts_.builtin->speke(drm::cpix::write(request), is_first ? "" : "2.0"));
}

void KeyService::ask_server(const std::string& id, const Entry& asked) {
  const Endpoint& endpoint = asked.endpoint;
  OutboundCall call;
  const auto url = parse_outbound_url(endpoint.drm_provider_url);
  const Status allowed = url.ok() ? parts_.policy.check(*url) : Status{url.error()};
  if (!allowed.ok()) {
    return failed(id, asked.attempt,
                  {allowed.error().code, "the key server's URL " + allowed.error().message});
  }
  call.url = *url;
  call.text = endpoint.drm_provider_url;
  call.body = drm::cpix::write(drm::request_of(contract_of(endpoint, asked.asked)));
  call.content_type = "application/xml";
  if (endpoint.speke_version == drm::SpekeVersion::v2_0) call.headers["X-Speke-Version"] = "2.0";
  if (const auto* credentials = credentials_for(parts_.credentials, endpoint.drm_provider_url)) {
    call.username = credentials->username;
    call.password = credentials->password;
  }
  post(std::move(call), parts_.policy, parts_.limits,
       [this, id, attempt = asked.attempt, endpoint](const Result<OutboundAnswer>& answer) {
         answered(id, attempt, check_answer(answer, endpoint));
       });
}

// First on disk, then in use: after a restart they are the same even when the key server has others.
Status KeyService::keep(const Entry& entry, const std::string& cpix) {
  const std::string prefix = prefix_of(entry.endpoint.id);
  const std::string name = secret_name(entry.endpoint, entry.identity, entry.asked);
  TRY(parts_.store.keep_secret(name, cpix));
  if (entry.length() == 0) {
    (void)parts_.store.forget_secrets(prefix, name);
  } else if (!entry.has_keys()) {
    // Those of other settings.
    const std::string own = prefix + sha256_hex(entry.identity) + "/";
    const auto names = parts_.store.secret_names(prefix);
    for (const std::string& other : names.ok() ? *names : std::vector<std::string>{}) {
      if (!other.starts_with(own)) (void)parts_.store.forget_secrets(other, {});
    }
  }
  return {};
}

// Takes out what is before the keys of the oldest that is kept; the names of those in the store.
std::vector<std::string> KeyService::drop_unneeded(Entry& entry, const std::optional<KeyedContent>& content) {
  std::vector<std::string> names;
  auto& periods = entry.periods;
  while (content && periods.size() > 1 &&
         timeline::start_of_key_period(entry.length(), periods[1].from) <= content->oldest) {
    names.push_back(secret_name(entry.endpoint, entry.identity, periods[0].from));
    periods.erase(periods.begin());
  }
  return names;
}

void KeyService::answered(const std::string& id, std::uint64_t attempt, const Result<std::string>& cpix) {
  if (!cpix.ok()) return failed(id, attempt, cpix.error());
  Entry entry;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.attempt != attempt) return;
    entry = at->second;
  }
  const auto keys = accept(entry.endpoint, entry.asked, *cpix);
  if (!keys.ok()) return failed(id, attempt, keys.error());
  const auto content = content_of(entry.endpoint);
  const Utc open = first_open_moment(parts_.utc(), content ? content->edge : Utc::min());
  const bool is_first = !entry.has_keys();
  if (!is_first && !is_in_time(entry.length(), entry.asked, open)) return too_late(id, attempt);
  if (const Status stored = keep(entry, *cpix); !stored.ok()) return failed(id, attempt, stored.error());
  std::function<void()> listener;
  std::vector<std::string> unneeded;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.attempt != attempt) return;
    at->second.settle();
    at->second.periods.push_back(make_period(at->second.endpoint, entry.asked, *keys));
    unneeded = drop_unneeded(at->second, content);
    listener = listener_;
  }
  for (const std::string& name : unneeded) (void)parts_.store.forget_secrets(name, {});
  parts_.metrics.counter("tarn_key_requests_total", {{"outcome", "answered"}})++;
  parts_.log.write(LogLevel::info, "keys-received", {{"endpoint", label_of(entry.endpoint)}});
  if (listener) listener();
  if (entry.length() != 0 && is_first) tick();  // those of the next period
}

// Something of the period is published under the keys before; those of the next one are due.
void KeyService::too_late(const std::string& id, std::uint64_t attempt) {
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.attempt != attempt) return;
    at->second.settle();
  }
  parts_.metrics.counter("tarn_key_requests_total", {{"outcome", "answered"}})++;
  tick();
}

bool KeyService::is_newest(const std::string& id, std::uint64_t attempt) const {
  const std::lock_guard lock{mutex_};
  const auto at = entries_.find(id);
  return at != entries_.end() && at->second.attempt == attempt;
}

void KeyService::failed(const std::string& id, std::uint64_t attempt, const Error& error) {
  std::string label;
  unsigned failures = 0;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.attempt != attempt) return;
    at->second.in_flight = false;
    at->second.status.last_error = error.message;
    failures = ++at->second.failures;
    label = label_of(at->second.endpoint);
  }
  parts_.metrics.counter("tarn_key_requests_total", {{"outcome", "failed"}})++;
  parts_.log.write(LogLevel::warning, "keys-failed", {{"endpoint", label}, {"error", error.message}});
  std::uint32_t random = 0;
  for (const std::uint8_t byte : random_bytes(sizeof random)) random = random << 8U | byte;
  // Not when another request has been made meanwhile, for a corrected setting: that one has its own turn.
  invoke_after(backoff(failures, random), [this, id, attempt] {
    if (is_newest(id, attempt)) ask(id);
  });
}

KeyStatus KeyService::keys(const Endpoint& endpoint) const {
  const Utc now = parts_.utc();
  const std::lock_guard lock{mutex_};
  const auto at = entries_.find(endpoint.id);
  // Of settings that are older or newer than what was followed there are no keys.
  if (at == entries_.end() || at->second.identity != key_identity(endpoint)) return {};
  const Entry& entry = at->second;
  KeyStatus status = entry.status;
  if (!entry.has_keys()) return status;
  std::vector<timeline::KeyPeriods<crypto::StreamProtection>::Entry> encryption;
  std::vector<timeline::KeyPeriods<timeline::Protection>::Entry> signalling;
  const std::uint64_t current = timeline::key_period_at(entry.length(), now);
  for (const Period& period : entry.periods) {
    encryption.push_back({period.from, period.encryption});
    signalling.push_back({period.from, period.signalling});
    if (period.from <= current || !status.keys) {
      status.previous = std::exchange(status.keys, period.keys);
    } else if (!status.next) {
      status.next = period.keys;
    }
  }
  status.encryption = {entry.length(), std::move(encryption)};
  status.signalling = {entry.length(), std::move(signalling)};
  return status;
}

}  // namespace tarn::server
