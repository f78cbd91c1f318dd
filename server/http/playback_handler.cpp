// SPDX-License-Identifier: Apache-2.0
#include "server/http/playback_handler.h"

#include "server/http/byte_range.h"
#include "server/http/negotiation.h"
#include "server/model/access.h"

namespace tarn::server {
namespace {

constexpr char methods[] = "GET, HEAD, OPTIONS";
// Answers that need an authorization code stay out of shared caches unless the operator opts in
// (RFC 9111, 3.5: no `public`, no `s-maxage`).
// An address list is invisible to a shared cache, which must not answer others from it.
std::string cache_control(const Endpoint& endpoint, const Content& content) {
  const bool by_code = !endpoint.authorization_code.empty();
  const bool by_address = !endpoint.ip_whitelist.empty() || !endpoint.ip_blacklist.empty();
  std::string value = "public, max-age=";
  if (by_code && !endpoint.cdn_cacheable) value = "max-age=";
  if (by_address && !endpoint.cdn_cacheable) value = "private, max-age=";
  value += std::to_string(content.max_age);
  if (!content.is_manifest) value += ", immutable";
  return value;
}

Response absence_response(const Fetched& fetched) {
  switch (fetched.absence) {
    case Fetched::Absence::not_found:
      return refusal_response(404, "not-found", fetched.reason);
    case Fetched::Absence::not_yet: {
      Response response = refusal_response(404, "not-yet", fetched.reason);
      for (auto& [name, value] : response.headers) {
        if (name == "Cache-Control") value = "max-age=1";
      }
      return response;
    }
    case Fetched::Absence::no_content: {
      Response response = refusal_response(503, "no-content-yet", fetched.reason);
      response.with("Retry-After", "2");
      return response;
    }
    case Fetched::Absence::outside:
      return refusal_response(404, "outside-window", fetched.reason);
    case Fetched::Absence::bad_window:
      return refusal_response(400, "time-shift", fetched.reason);
    case Fetched::Absence::stale:
      return refusal_response(404, "stale", fetched.reason);
    case Fetched::Absence::no_key:
      return refusal_response(404, "no-key", fetched.reason);
    case Fetched::Absence::failed:
      break;
  }
  return refusal_response(500, "failed", fetched.reason);
}

// A range holds only for the bytes the client has seen (If-Range: a strong tag; a date never matches).
bool range_applies(const Request& request, const std::string& etag) {
  if (request.header("range").empty()) return false;
  const auto condition = request.header("if-range");
  return condition.empty() || condition == etag;
}

// Refusals say why in a field of their own.
void count_refusal(const Delivery& delivery, const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "X-Tarn-Reason") delivery.refused(value);
  }
}

}  // namespace

void add_cors(Response& response) {
  response.with("Access-Control-Allow-Origin", "*")
      .with("Access-Control-Expose-Headers",
            "Accept-Ranges, Content-Length, Content-Range, Date, ETag, Retry-After, X-Tarn-Active-Input, "
            "X-Tarn-Media-Time, X-Tarn-Reason");
}

Response preflight_response() {
  Response response;
  response.status = 204;
  response.with("Allow", methods)
      .with("Access-Control-Allow-Origin", "*")
      .with("Access-Control-Allow-Methods", methods)
      .with("Access-Control-Allow-Headers",
            "Authorization, Range, If-None-Match, If-Range, CMCD-Object, "
            "CMCD-Request, CMCD-Session, CMCD-Status")
      .with("Access-Control-Max-Age", "86400");
  return response;
}

Response refusal_response(int status, std::string_view reason_code, std::string_view line) {
  Response response = error_response(status, line);
  response.with("X-Tarn-Reason", std::string{reason_code});
  add_cors(response);
  return response;
}

Response content_response(const Request& request, const Endpoint& endpoint, const Content& content) {
  const bool zipped = content.gzip.has_value() && accepts_gzip(request.header("accept-encoding"));
  const std::string& etag = zipped ? content.gzip_etag : content.etag;
  Response response;
  response.with("ETag", etag).with("Cache-Control", cache_control(endpoint, content));
  if (content.gzip.has_value()) response.with("Vary", "Accept-Encoding");
  for (const auto& [name, value] : content.facts) response.with(name, value);
  add_cors(response);
  if (matches_etag(request.header("if-none-match"), etag)) {
    response.status = 304;
    return response;
  }
  response.with("Content-Type", content.content_type).with("X-Content-Type-Options", "nosniff");
  if (content.is_manifest) {
    if (zipped) response.with("Content-Encoding", "gzip");
    response.body = zipped ? std::vector<Blob>{*content.gzip} : content.parts;
    return response;
  }
  response.with("Accept-Ranges", "bytes");
  response.body = content.parts;
  if (request.method != "GET" || !range_applies(request, etag)) return response;
  const ByteRange range = parse_range(request.header("range"), content.size);
  if (range.kind == ByteRange::Kind::unsatisfiable) {
    Response refused = refusal_response(416, "range", "the range begins behind the end");
    return refused.with("Content-Range", "bytes */" + std::to_string(content.size));
  }
  if (range.kind == ByteRange::Kind::part) {
    response.status = 206;
    response.body = slice(content.parts, range.first, range.length);
    response.with("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                       std::to_string(range.first + range.length - 1) + "/" +
                                       std::to_string(content.size));
  }
  return response;
}

PlaybackHandler::PlaybackHandler(ModelSource model, Origin& origin, PlaybackSettings settings)
    : model_(std::move(model)), origin_(origin), settings_(std::move(settings)) {}

Handler::Verdict PlaybackHandler::on_head(const Request& head) {
  if (head.method == "OPTIONS") return {preflight_response(), 0, {}, false};
  if (head.method != "GET" && head.method != "HEAD") {
    Response response = refusal_response(405, "method", "only " + std::string{methods});
    return {response.with("Allow", methods), 0, {}, false};
  }
  return {std::nullopt, 0, "the body of a " + head.method, false};
}

void PlaybackHandler::handle(Request request, Reply reply) {
  const auto path = parse_playback_path(request.path);
  const auto model = model_();
  const Channel* channel = path ? model->channel(path->group, path->channel) : nullptr;
  const Endpoint* endpoint =
      channel == nullptr ? nullptr : model->endpoint(path->group, path->channel, path->endpoint);
  if (endpoint == nullptr) return reply(refusal_response(404, "not-found", "no such endpoint"));
  const auto delivery = origin_.delivery(*channel, *endpoint, path->file);
  const auto counted = [answer = std::move(reply), delivery](Response response) {
    response.delivery = delivery;
    if (delivery) count_refusal(*delivery, response);
    answer(std::move(response));
  };

  const auto authorization = request.headers.find("authorization");
  const auto decision = check_access(
      *endpoint, client_address(request.peer, request.header("x-forwarded-for"), settings_.trusted_proxies),
      authorization == request.headers.end() ? std::nullopt
                                             : std::optional<std::string_view>{authorization->second},
      settings_.require_access_control);
  if (decision != AccessDecision::allowed) {
    const bool by_code = decision == AccessDecision::code_missing || decision == AccessDecision::code_wrong;
    Response refused = refusal_response(by_code ? 401 : 403, access_reason(decision), "access denied");
    if (by_code) refused.with("WWW-Authenticate", "Bearer realm=\"playback\"");
    return counted(std::move(refused));
  }
  const auto window = timeline::parse_window_query(request.raw_query);
  if ((!window || !window->empty()) && endpoint->time_shift_days == 0) {
    return counted(refusal_response(400, "time-shift-off",
                                    "start, end, vodend and offset need an endpoint with time-shifted days"));
  }
  if (!window) return counted(refusal_response(400, "time-shift", window.error().message));
  const std::string file = path->file;
  // `model` keeps the endpoint.
  origin_.fetch(*channel, *endpoint, file, *window,
                [this, held = std::move(request), model, endpoint, is_plain = window->empty(), counted,
                 delivery](const Fetched& fetched) {
                  if (is_plain) leave(held, model, *endpoint, fetched, delivery);
                  counted(fetched.content ? content_response(held, *endpoint, *fetched.content)
                                          : absence_response(fetched));
                });
}

bool PlaybackHandler::is_open_to_all(const Endpoint& endpoint) const {
  return !settings_.require_access_control && endpoint.authorization_code.empty() &&
         endpoint.previous_authorization_code.empty() && endpoint.ip_whitelist.empty() &&
         endpoint.ip_blacklist.empty();
}

void PlaybackHandler::leave(const Request& request, const std::shared_ptr<const Model>& model,
                            const Endpoint& endpoint, const Fetched& fetched,
                            const std::shared_ptr<const Delivery>& delivery) const {
  if (settings_.hot == nullptr || !fetched.content || !fetched.reuse) return;
  if (!is_open_to_all(endpoint)) return;
  const Content& content = *fetched.content;
  const auto variant = [&](const char* accept_encoding, const std::string& etag, std::uint64_t size) {
    Request plain;
    plain.method = "GET";
    if (accept_encoding != nullptr) plain.headers["accept-encoding"] = accept_encoding;
    HotAnswers::Variant made{etag, head_behind_date(content_response(plain, endpoint, content), size), {}};
    plain.headers["if-none-match"] = etag;
    made.tail_304 = head_behind_date(content_response(plain, endpoint, content), std::nullopt);
    return made;
  };
  HotAnswers::Entry entry;
  entry.content = fetched.content;
  entry.reuse = fetched.reuse;
  entry.delivery = delivery;
  entry.is_allowed = [this, then = std::weak_ptr{model}] {
    const auto now = model_();
    return !then.owner_before(now) && !now.owner_before(then);
  };
  entry.plain = variant(nullptr, content.etag, content.size);
  if (content.gzip) entry.gzip = variant("gzip", content.gzip_etag, content.gzip->size());
  settings_.hot->publish(request.path, std::move(entry));
}

}  // namespace tarn::server
