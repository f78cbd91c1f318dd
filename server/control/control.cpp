// SPDX-License-Identifier: Apache-2.0
#include "server/control/control.h"

#include <strings.h>

#include <algorithm>
#include <mutex>

#include "core/base/text.h"
#include "server/control/operations.h"
#include "server/control/problem.h"
#include "server/control/replay.h"
#include "server/control/resources.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

std::string header(const ApiRequest& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

bool is_authorized(const ApiRequest& request, const std::string& token) {
  static constexpr std::string_view scheme = "Bearer ";
  const std::string value = header(request, "authorization");
  const bool is_bearer =
      value.size() > scheme.size() && strncasecmp(value.data(), scheme.data(), scheme.size()) == 0;
  const std::string given = is_bearer ? std::string(trim(std::string_view(value).substr(scheme.size()))) : "";
  return equal_secrets(given, token) && is_bearer && !token.empty();
}

// application/json, for PATCH application/merge-patch+json as well; charset=utf-8 may follow.
bool is_json(const ApiRequest& request) {
  const std::string value = header(request, "content-type");
  const std::vector<std::string_view> parts = split(value, ';');
  const std::string type(trim(parts.front()));
  const bool known =
      strcasecmp(type.c_str(), "application/json") == 0 ||
      (request.method == "PATCH" && strcasecmp(type.c_str(), "application/merge-patch+json") == 0);
  return known && std::all_of(parts.begin() + 1, parts.end(), [](std::string_view parameter) {
           const std::string text(trim(parameter));
           return text.empty() || strcasecmp(text.c_str(), "charset=utf-8") == 0 ||
                  strcasecmp(text.c_str(), "charset=\"utf-8\"") == 0;
         });
}

ApiResponse unauthorized() {
  ApiResponse response = problem(401, "the control API needs Authorization: Bearer <token>");
  response.headers["WWW-Authenticate"] = "Bearer realm=\"tarn control\"";
  return response;
}

ApiResponse unknown_route(const ApiRequest& request, const RouteMatch& match) {
  if (match.allow.empty()) return problem(404, "unknown route");
  ApiResponse response = problem(405, request.method + " is not for this path");
  response.headers["Allow"] = match.allow;
  return response;
}

std::optional<ApiResponse> refused_query(const ApiRequest& request, const Route& route) {
  FieldErrors errors;
  for (const auto& [name, value] : request.query) {
    if (std::find(route.query.begin(), route.query.end(), name) != route.query.end()) continue;
    std::string known;
    for (const std::string_view parameter : route.query)
      known += (known.empty() ? "" : ", ") + std::string(parameter);
    errors.push_back({is_path_component(name) ? name : "query", "null",
                      "is not a parameter here" + (known.empty() ? "" : "; known are " + known)});
  }
  if (errors.empty()) return std::nullopt;
  return problem(errors);
}

std::optional<ApiResponse> refused_body(const ApiRequest& request, const Route& route) {
  const bool takes_none = route.operation == Operation::start_channel ||
                          route.operation == Operation::stop_channel ||
                          route.operation == Operation::reset_channel;
  if (takes_none && !request.body.empty()) return problem(400, "this takes no body");
  const bool optional = takes_none || route.operation == Operation::rotate_credentials;
  if (request.body.empty() && optional) return std::nullopt;
  if (!is_json(request)) {
    return problem(415, request.method == "PATCH"
                            ? "Content-Type must be application/merge-patch+json or application/json"
                            : "Content-Type must be application/json");
  }
  if (const auto fault = scan_json(request.body)) return problem(*fault);
  return std::nullopt;
}

thread_local std::string changing;

// For as long as a change is made.
class Changing {
 public:
  explicit Changing(const std::string& id) { changing = id; }
  ~Changing() { changing.clear(); }
  Changing(const Changing&) = delete;
  Changing& operator=(const Changing&) = delete;
};

}  // namespace

const std::string& changing_request() { return changing; }

struct Control::Impl {
  Impl(ControlSettings s, Store& st, StatusSource& status, std::function<Utc()> clock, CollectionBoard* tasks)
      : settings(std::move(s)),
        store(st),
        now(std::move(clock)),
        board(tasks),
        operations(settings, store, status, now, tasks) {}

  ApiResponse change(const ApiRequest& request, const RouteMatch& match) {
    const std::lock_guard guard(changes);
    const Changing of{request.id};
    const std::string key = header(request, "idempotency-key");
    if (request.method != "POST" || !request.headers.contains("idempotency-key")) {
      return operations.run(request, match);
    }
    if (!Replays::is_key(key))
      return problem(400, "Idempotency-Key must be 1 to 255 visible ASCII characters");
    const Replays::Lookup before = replays.find(key, request.path, request.body, now());
    if (before.found == Replays::Found::answer) return before.answer;
    if (before.found == Replays::Found::other_body) {
      return problem(409, "this Idempotency-Key came with another body before");
    }
    ApiResponse response = operations.run(request, match);
    // A refused request changed nothing: it may be mended and sent again under the same key.
    if (response.status < 300) replays.remember(key, request.path, request.body, response, now());
    return response;
  }

  ControlSettings settings;
  Store& store;
  std::function<Utc()> now;
  CollectionBoard* board;  // may be null
  Operations operations;
  std::mutex changes;  // one change at a time: If-Match and uniqueness are checked against what is changed
  Replays replays;     // guarded by `changes`
};

Control::Control(ControlSettings settings, Store& store, StatusSource& status, std::function<Utc()> now,
                 CollectionBoard* board)
    : impl_(std::make_unique<Impl>(std::move(settings), store, status, std::move(now), board)) {}
Control::~Control() = default;

ApiResponse Control::handle(const ApiRequest& request) {
  if (!is_authorized(request, impl_->settings.token)) return unauthorized();
  const RouteMatch match = match_route(request.method, request.path);
  if (match.route == nullptr) return unknown_route(request, match);
  if (auto refused = refused_query(request, *match.route)) return *std::move(refused);
  if (match.route->method == "GET") return impl_->operations.run(request, match);
  if (match.route->method != "DELETE") {
    if (auto refused = refused_body(request, *match.route)) return *std::move(refused);
  }
  return impl_->change(request, match);
}

Status Control::apply_resources(const std::string& json, std::vector<ResourceChange>* changes) {
  const std::lock_guard guard(impl_->changes);
  return tarn::server::apply_resources(json, impl_->store, impl_->settings, impl_->board,
                                       std::chrono::floor<std::chrono::seconds>(impl_->now()), changes);
}

}  // namespace tarn::server
