// SPDX-License-Identifier: Apache-2.0
#include "server/http/ingest_handler.h"

#include <algorithm>

#include "server/http/basic_auth.h"
#include "server/model/access.h"

namespace tarn::server {
namespace {

constexpr std::size_t playlist_limit = 1U << 20U;
constexpr std::size_t segment_limit = 64U << 20U;
constexpr char methods[] = "PUT, POST, DELETE, MKCOL, OPTIONS";

// A body that takes longer than its media lasts will never be live. Encoders may cut longer segments than
// the channel does, and send one while it is made.
Microseconds body_time(const Channel& channel) {
  return std::max<Microseconds>(std::chrono::seconds{30}, 5 * std::chrono::seconds{channel.segment_duration});
}

bool is_upload(const std::string& method) { return method == "PUT" || method == "POST"; }
bool needs_credentials(const std::string& method) {
  return is_upload(method) || method == "DELETE" || method == "MKCOL";
}

Response unauthorized() {
  Response response = error_response(401, "the user name or the password is missing or wrong");
  response.with("WWW-Authenticate", "Basic realm=\"ingest\", charset=\"UTF-8\"");
  return response;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::malformed:
    case ErrorCode::truncated:
    case ErrorCode::invalid:
      return 400;
    case ErrorCode::unsupported:
    case ErrorCode::encrypted:
      return 415;
    case ErrorCode::limit:
      return 413;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::no_space:
      return 507;
    case ErrorCode::io:
      return 503;
    case ErrorCode::internal:
      break;
  }
  return 500;
}

// What can be told from the head of an upload; none: go on.
std::optional<Response> refuse_upload(const IngestPath& path, const Request& head) {
  if (!path.file_valid) {
    return error_response(400,
                          "not a file name that is taken: letters, digits, \".\", \"_\" and \"-\", at "
                          "most 200 of them between two \"/\", none beginning with \".\"");
  }
  if (const auto coding = head.header("content-encoding"); !coding.empty() && coding != "identity") {
    return error_response(415, path.file + ": Content-Encoding is not supported");
  }
  if (!head.header("content-range").empty()) {
    return error_response(400, path.file + ": Content-Range is not supported, send the whole object");
  }
  return std::nullopt;
}

}  // namespace

Response upload_response(const std::string& name, const UploadAnswer& answer) {
  switch (answer.outcome) {
    case UploadAnswer::Outcome::created:
    case UploadAnswer::Outcome::held: {
      Response response;
      response.status = 201;
      return response;
    }
    case UploadAnswer::Outcome::replaced:
      return {};
    case UploadAnswer::Outcome::refused:
      break;
  }
  const Error error = answer.error.value_or(Error{ErrorCode::internal, "refused"});
  const bool named = error.message.find(name) != std::string::npos;
  return error_response(status_of(error.code), named ? error.message : name + ": " + error.message);
}

IngestHandler::IngestHandler(ModelSource model, Origin& origin, UtcClock now)
    : model_(std::move(model)), origin_(origin), now_(std::move(now)) {}

bool IngestHandler::is_authorized(const Model& model, const IngestPath& path, const Request& head) const {
  const Channel* channel = model.channel(path.group, path.channel);
  const Input* input = channel == nullptr ? nullptr : &channel->inputs[static_cast<std::size_t>(path.input)];
  const auto given = parse_basic(head.header("authorization"));
  const auto credentials = given.value_or(BasicCredentials{});
  return check_credentials(input, credentials.username, credentials.password, now_()) && given.has_value();
}

Handler::Verdict IngestHandler::on_head(const Request& head) {
  const auto path = parse_ingest_path(head.path);
  if (head.method == "OPTIONS") {
    Response response;
    response.with("Allow", methods).with("DAV", "1");
    return {response, 0, {}, false};
  }
  if (!needs_credentials(head.method)) {
    Response response = error_response(405, "an input takes " + std::string{methods});
    response.with("Allow", methods);
    return {response, 0, {}, false};
  }
  const auto model = model_();
  if (!path || !is_authorized(*model, *path, head)) return {unauthorized(), 0, {}, false};
  if (!is_upload(head.method)) return {std::nullopt, playlist_limit, head.method, true};
  if (auto refusal = refuse_upload(*path, head)) return {std::move(refusal), 0, {}, false};
  const bool is_playlist = path->file.ends_with(".m3u8") || path->file.ends_with(".m3u");
  const Channel* const channel = model->channel(path->group, path->channel);  // is_authorized found it
  if (channel->is_stopped)
    return {error_response(409, path->file + ": the channel is stopped"), 0, {}, false};
  return {std::nullopt, is_playlist ? playlist_limit : segment_limit, path->file, true, body_time(*channel)};
}

void IngestHandler::handle(Request request, Reply reply) {
  const auto path = parse_ingest_path(request.path);
  const auto model = model_();
  const Channel* channel = path ? model->channel(path->group, path->channel) : nullptr;
  // Deleted between head and body.
  if (channel == nullptr) return reply(unauthorized());
  if (!is_upload(request.method)) {
    Response response;
    response.status = request.method == "MKCOL" ? 201 : 200;
    return reply(std::move(response));
  }
  UploadedObject object{path->input, path->file, std::string{request.header("content-type")},
                        std::move(request.body)};
  object.request_id = request.id;
  origin_.upload(*channel, std::move(object),
                 [name = path->file, reply = std::move(reply)](const UploadAnswer& answer) {
                   reply(upload_response(name, answer));
                 });
}

}  // namespace tarn::server
