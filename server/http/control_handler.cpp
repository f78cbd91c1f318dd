// SPDX-License-Identifier: Apache-2.0
#include "server/http/control_handler.h"

#include <openssl/crypto.h>

#include "core/base/out_of_memory.h"
#include "server/control/problem.h"

namespace tarn::server {
namespace {

constexpr std::string_view api_base = "/api/v1";
constexpr std::size_t body_limit = 64U << 10U;

bool is_api(const Request& request) {
  return request.path == api_base || request.path.starts_with(std::string{api_base} + "/");
}

bool is_read(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

// Behind a proxy on this machine everybody comes from the loopback.
bool is_local(const Request& request) {
  const bool is_loopback = request.peer.starts_with("127.") || request.peer == "::1";
  return is_loopback && request.header("x-forwarded-for").empty() && request.header("forwarded").empty();
}

bool carries_token(const Request& request, const std::string& token) {
  constexpr std::string_view scheme = "Bearer ";
  std::string_view given = request.header("authorization");
  if (!given.starts_with(scheme) || token.empty()) return false;
  given.remove_prefix(scheme.size());
  return given.size() == token.size() && CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0;
}

// No page but the console's own has business with the API: a browser says whose page asks, in Fetch Metadata,
// or where it leaves them out in Origin (fault G7). Proxies may have changed Host.
bool is_foreign_page(const Request& request) {
  const std::string_view site = request.header("sec-fetch-site");
  if (!site.empty()) return site != "same-origin" && site != "none";
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  const std::size_t scheme = origin.find("://");
  const std::string_view host = scheme == std::string_view::npos ? "" : origin.substr(scheme + 3);
  return host.empty() || (host != request.header("host") && host != request.header("x-forwarded-host"));
}

constexpr std::string_view identity_base = "/clearkey/";

bool is_identity_key(const Request& request) { return request.path.starts_with(identity_base); }
bool is_key_path(const Request& request) {
  return request.path == "/speke" || request.path == "/clearkey" || is_identity_key(request);
}

// A player's page is of another origin than the licence server.
Response& with_cors(Response& response) {
  return response.with("Access-Control-Allow-Origin", "*")
      .with("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
      .with("Access-Control-Allow-Headers", "Authorization, Content-Type");
}

Response plain(int status, std::string_view text) {
  Response response = text_response(status, "text/plain; charset=utf-8", text);
  response.with("Cache-Control", "no-store");
  return response;
}

// As the API says no.
Response problem_response(int status, std::string_view detail) {
  const ApiResponse made = problem(status, std::string{detail});
  Response response = text_response(made.status, made.content_type, made.body);
  return response.with("Cache-Control", "no-store").with("X-Content-Type-Options", "nosniff");
}

Response read_only() {
  Response response = error_response(405, "only GET and HEAD");
  return response.with("Allow", "GET, HEAD");
}

// 16 bytes, for a playlist whose keys are of KEYFORMAT "identity" (RFC 8216bis 4.4.4.4).
Response identity_key(const BuiltinProvider& provider, const Request& request) {
  const auto kid = drm::parse_uuid(std::string_view{request.path}.substr(identity_base.size()));
  if (!kid) {
    Response response = error_response(404, "the path does not end in a key id");
    return with_cors(response);
  }
  Response response = text_response(200, "application/octet-stream", as_text(provider.identity_key(*kid)));
  response.with("Cache-Control", "no-store");
  return with_cors(response);
}

Response moved_to_console() {
  Response response;
  response.status = 302;
  return response.with("Location", "/console/").with("Cache-Control", "no-store");
}

// A body that follows the events.
class StreamedEvents : public EventSink {
 public:
  explicit StreamedEvents(std::shared_ptr<BodyWriter> body) : body_(std::move(body)) {}
  bool send(std::string text) override { return body_->send(std::move(text)); }
  void end() override { body_->end(); }
  [[nodiscard]] bool is_open() const override { return body_->is_open(); }

 private:
  std::shared_ptr<BodyWriter> body_;
};

}  // namespace

ControlHandler::ControlHandler(Parts parts) : parts_(std::move(parts)) {}

Handler::Verdict ControlHandler::on_head(const Request& head) {
  if (is_api(head)) {
    if (!is_read(head) && is_foreign_page(head)) {
      return {problem_response(403, "pages of other origins may not change anything"), 0, {}, false};
    }
    return {std::nullopt, body_limit, "the request body", false, Microseconds{0}, problem_response};
  }
  if (parts_.key_provider != nullptr && is_key_path(head)) {
    if (head.method == "OPTIONS" && head.path != "/speke") {
      Response response;
      response.status = 204;
      return {with_cors(response), 0, {}, false};
    }
    if (is_identity_key(head)) {
      if (!is_read(head)) return {read_only(), 0, {}, false};
      return {std::nullopt, 0, "the body of a " + head.method, false};
    }
    if (head.method == "POST") return {std::nullopt, drm::cpix::longest_document, "the request body", false};
    Response response = error_response(405, "only POST");
    return {response.with("Allow", "POST"), 0, {}, false};
  }
  if (!is_read(head)) return {read_only(), 0, {}, false};
  return {std::nullopt, 0, "the body of a " + head.method, false};
}

void ControlHandler::handle(Request request, Reply reply) {
  if (is_api(request)) return handle_api(std::move(request), std::move(reply));
  if (parts_.key_provider != nullptr && is_key_path(request)) {
    return handle_keys(request, reply);
  }
  if (request.path == "/healthz") return reply(plain(200, "ok\n"));
  // It looks at the disk, which may hang: work for a worker.
  if (request.path == "/readyz") {
    parts_.workers.submit([this, answer = std::move(reply)] {
      const bool ready = parts_.ready();
      answer(plain(ready ? 200 : 503, ready ? "ready\n" : "not ready\n"));
    });
    return;
  }
  // Not for a worker: it has to answer when all of them wait for a disk.
  if (request.path == "/metrics") return reply(metrics_response(request));
  if (request.path == "/" || request.path == "/console") return reply(moved_to_console());
  if (request.path.starts_with("/console/")) {
    // Files are read from disk: work for a worker.
    parts_.workers.submit([this, held = std::move(request), answer = std::move(reply)] {
      answer(unless_out_of_memory([&] { return parts_.console.response(held); },
                                  [] { return error_response(500, "out of memory"); }));
    });
    return;
  }
  reply(error_response(404, "nothing here"));
}

// Semantics S11: /speke for the token, /clearkey and its keys for the token or the loopback.
void ControlHandler::handle_keys(const Request& request, const Reply& reply) {
  const bool is_speke = request.path == "/speke";
  const bool is_allowed = carries_token(request, parts_.token) || (!is_speke && is_local(request));
  if (!is_allowed) {
    Response response = error_response(401, "the control token is needed");
    return reply(response.with("WWW-Authenticate", "Bearer"));
  }
  if (is_identity_key(request)) return reply(identity_key(*parts_.key_provider, request));
  const std::string_view body = as_text(request.body.bytes());
  if (is_speke) {
    const auto version = request.header("x-speke-version");
    const auto answer = parts_.key_provider->speke(body, version);
    Response response = answer.ok() ? text_response(200, "application/xml", *answer)
                                    : error_response(422, answer.error().message);
    response.with("X-Speke-User-Agent", "Tarn");
    if (!version.empty() && answer.ok()) response.with("X-Speke-Version", std::string{version});
    if (answer.ok()) response.with("Cache-Control", "no-store");
    return reply(std::move(response));
  }
  const auto licence = parts_.key_provider->clearkey(body);
  Response response = licence.ok() ? text_response(200, "application/json", *licence)
                                   : error_response(400, licence.error().message);
  if (licence.ok()) response.with("Cache-Control", "no-store");
  reply(with_cors(response));
}

void ControlHandler::handle_api(Request request, Reply reply) {
  ApiRequest call;
  call.id = request.id;
  call.method = request.method == "HEAD" ? "GET" : request.method;
  call.path = request.path.substr(api_base.size());
  call.query = std::move(request.query);
  call.headers = std::move(request.headers);
  call.body = std::string{as_text(request.body.bytes())};
  // One after another: what a client sees after its change is the change.
  parts_.workers.submit(
      "control", [this, call = std::move(call), id = request.id, answer = std::move(reply)] {
        ApiResponse made;
        const bool is_handled = unless_out_of_memory(
            [&] {
              made = parts_.control.handle(call);
              return true;
            },
            [] { return false; });
        if (!is_handled) return answer(problem_response(500, "out of memory"));
        Response response = made.streams_events ? events_response(made.events_after)
                                                : text_response(made.status, made.content_type, made.body);
        for (const auto& [name, value] : made.headers) response.with(name, value);
        if (!made.headers.contains("X-Request-Id")) response.with("X-Request-Id", id);
        response.with("Cache-Control", "no-store").with("X-Content-Type-Options", "nosniff");
        answer(std::move(response));
      });
}

Response ControlHandler::events_response(std::optional<std::uint64_t> after) const {
  EventFeed* const events = parts_.events;
  if (events == nullptr || !events->has_room()) {
    Response response = problem_response(503, "as many follow the events as may");
    return response.with("Retry-After", "10");
  }
  Response response;
  response.with("Content-Type", "application/x-ndjson").with("X-Accel-Buffering", "no");
  response.stream = [events, after](const std::shared_ptr<BodyWriter>& body) {
    // Somebody else may have been faster.
    if (!events->subscribe(after, std::make_shared<StreamedEvents>(body))) body->end();
  };
  return response;
}

Response ControlHandler::metrics_response(const Request& request) const {
  if (!is_local(request) && !carries_token(request, parts_.token)) {
    Response response = error_response(401, "metrics need the control token, or the loopback");
    return response.with("WWW-Authenticate", "Bearer");
  }
  Response response =
      text_response(200, "text/plain; version=0.0.4; charset=utf-8", parts_.metrics.exposition());
  return response.with("Cache-Control", "no-store");
}

}  // namespace tarn::server
