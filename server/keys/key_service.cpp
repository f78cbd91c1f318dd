// SPDX-License-Identifier: Apache-2.0
#include "server/keys/key_service.h"

#include <algorithm>
#include <set>

#include "core/drm/contract.h"
#include "server/keys/backoff.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

std::string label_of(const Endpoint& endpoint) {
  return endpoint.group + "/" + endpoint.channel + "/" + endpoint.name;
}

std::string prefix_of(const std::string& endpoint_id) { return "keys/" + endpoint_id + "/"; }

Result<drm::ContentKeys> accept(const Endpoint& endpoint, std::string_view cpix) {
  const auto document = TRY(drm::cpix::parse(cpix));
  return drm::accept_answer(contract_of(endpoint), document);
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
    } else if (!is_same_server && !entry.status.keys) {
      // A corrected setting is tried at once, and what is under way does not count any more.
      ++entry.attempt;
      entry.in_flight = false;
      entry.failures = 0;
    }
    entry.endpoint = endpoint;
    has_work = has_work || (!entry.status.keys && !entry.in_flight);
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
      if (!entry.status.keys && !entry.in_flight && entry.failures == 0) ids.push_back(id);
    }
  }
  for (const std::string& id : gone) (void)parts_.store.forget_secrets(prefix_of(id), {});
  bool has_news = false;
  for (const std::string& id : ids) {
    if (load(id)) {
      has_news = true;
    } else {
      ask(id);
    }
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

std::string KeyService::secret_name(const Entry& entry) {
  return prefix_of(entry.endpoint.id) + sha256_hex(entry.identity);
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
  const auto kept = parts_.store.kept_secret(secret_name(entry));
  if (!kept.ok()) return false;
  const auto keys = accept(entry.endpoint, *kept);
  if (!keys.ok()) return false;
  const std::lock_guard lock{mutex_};
  const auto at = entries_.find(id);
  if (at == entries_.end() || at->second.identity != entry.identity) return false;
  at->second.status.keys = std::make_shared<const drm::ContentKeys>(*keys);
  return true;
}

void KeyService::ask(const std::string& id) {
  Endpoint endpoint;
  std::uint64_t attempt = 0;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.status.keys || at->second.in_flight) return;
    Entry& entry = at->second;
    entry.in_flight = true;
    attempt = ++entry.attempt;
    ++entry.status.requests;
    entry.status.last_request = parts_.utc();
    endpoint = entry.endpoint;
  }
  if (is_own(endpoint)) {
    ask_builtin(id, attempt, endpoint);
  } else {
    ask_server(id, attempt, endpoint);
  }
}

void KeyService::ask_builtin(const std::string& id, std::uint64_t attempt, const Endpoint& endpoint) {
  if (parts_.builtin == nullptr) return failed(id, attempt, not_found("there is no built-in key provider"));
  const bool is_first = endpoint.speke_version == drm::SpekeVersion::v1_0;
  answered(
      id, attempt,
      parts_.builtin->speke(drm::cpix::write(drm::request_of(contract_of(endpoint))), is_first ? "" : "2.0"));
}

void KeyService::ask_server(const std::string& id, std::uint64_t attempt, const Endpoint& endpoint) {
  OutboundCall call;
  const auto url = parse_outbound_url(endpoint.drm_provider_url);
  const Status allowed = url.ok() ? parts_.policy.check(*url) : Status{url.error()};
  if (!allowed.ok()) {
    return failed(id, attempt, {allowed.error().code, "the key server's URL " + allowed.error().message});
  }
  call.url = *url;
  call.text = endpoint.drm_provider_url;
  call.body = drm::cpix::write(drm::request_of(contract_of(endpoint)));
  call.content_type = "application/xml";
  if (endpoint.speke_version == drm::SpekeVersion::v2_0) call.headers["X-Speke-Version"] = "2.0";
  if (const auto* credentials = credentials_for(parts_.credentials, endpoint.drm_provider_url)) {
    call.username = credentials->username;
    call.password = credentials->password;
  }
  post(std::move(call), parts_.policy, parts_.limits,
       [this, id, attempt, endpoint](const Result<OutboundAnswer>& answer) {
         answered(id, attempt, check_answer(answer, endpoint));
       });
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
  const auto keys = accept(entry.endpoint, *cpix);
  if (!keys.ok()) return failed(id, attempt, keys.error());
  // First on disk, then in use: after a restart they are the same even when the key server has others.
  if (const Status stored = parts_.store.keep_secret(secret_name(entry), *cpix); !stored.ok()) {
    return failed(id, attempt, stored.error());
  }
  (void)parts_.store.forget_secrets(prefix_of(id), secret_name(entry));
  std::function<void()> listener;
  {
    const std::lock_guard lock{mutex_};
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.attempt != attempt) return;
    at->second.in_flight = false;
    at->second.failures = 0;
    at->second.status.last_error.clear();
    at->second.status.keys = std::make_shared<const drm::ContentKeys>(*keys);
    listener = listener_;
  }
  parts_.metrics.counter("tarn_key_requests_total", {{"outcome", "answered"}})++;
  parts_.log.write(LogLevel::info, "keys-received", {{"endpoint", label_of(entry.endpoint)}});
  if (listener) listener();
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
  invoke_after(backoff(failures, random), [this, id] { ask(id); });
}

KeyStatus KeyService::keys(const Endpoint& endpoint) const {
  const std::lock_guard lock{mutex_};
  const auto at = entries_.find(endpoint.id);
  // Of settings that are older or newer than what was followed there are no keys.
  if (at == entries_.end() || at->second.identity != key_identity(endpoint)) return {};
  KeyStatus status = at->second.status;
  if (is_own(at->second.endpoint)) status.clearkey_url = parts_.clearkey_url;
  return status;
}

}  // namespace tarn::server
