// SPDX-License-Identifier: Apache-2.0
#include "server/control/operations.h"

#include "core/base/text.h"
#include "server/control/export.h"
#include "server/control/place.h"
#include "server/control/problem.h"

namespace tarn::server {
namespace {

template <class R>
ApiResponse no_such(const RouteMatch& match) {
  RouteMatch named = match;
  return problem(404, "there is no " + std::string(Place<R>::noun) + " " + Place<R>::prefix(match) +
                          Place<R>::name(named));
}

// Empty: the parent is there.
template <class R>
std::optional<ApiResponse> missing_parent(const Model& model, const RouteMatch& match) {
  if constexpr (!std::is_same_v<R, Group>) {
    if (model.group(match.group) == nullptr) return no_such<Group>(match);
  }
  if constexpr (std::is_same_v<R, Endpoint>) {
    if (model.channel(match.group, match.channel) == nullptr) return no_such<Channel>(match);
  }
  return std::nullopt;
}

template <class R>
std::string etag(const R& resource) {
  return "\"" + std::to_string(resource.revision) + "\"";
}

// If-Match (RFC 9110, 13.1.1); weak tags match nothing.
template <class R>
bool precondition_fails(const ApiRequest& request, const R& resource) {
  const auto header = request.headers.find("if-match");
  if (header == request.headers.end()) return false;
  for (const std::string_view tag : split(header->second, ',')) {
    if (trim(tag) == "*" || trim(tag) == etag(resource)) return false;
  }
  return true;
}

ApiResponse precondition_failed() {
  return problem(412, "the resource has changed: If-Match does not name its ETag");
}

std::optional<bool> read_flag(const ApiRequest& request, const std::string& name, FieldErrors& errors) {
  const auto parameter = request.query.find(name);
  if (parameter == request.query.end()) return std::nullopt;
  if (parameter->second != "true" && parameter->second != "false") {
    errors.push_back({name, "null", "must be true or false"});
  }
  return parameter->second == "true";
}

ApiResponse is_needed_by(const std::string& task) {
  return problem(409, "collection task " + task + " is taking content of it; cancel the task first");
}

ApiResponse json_answer(int status, JsonNode* node) {
  ApiResponse response;
  response.status = status;
  response.body = print_json(node);
  return response;
}

}  // namespace

template <class R>
Operations::Found<R> Operations::find(const RouteMatch& match) const {
  Found<R> found{store_.model(), nullptr};
  RouteMatch named = match;
  const auto& map = Place<R>::map(*found.model);
  const auto entry = map.find(Place<R>::prefix(match) + Place<R>::name(named));
  if (entry != map.end()) found.resource = &entry->second;
  return found;
}

template <class R>
ApiResponse Operations::shown(int status, const RouteMatch& match, Secrets secrets) {
  const auto found = find<R>(match);
  if (found.resource == nullptr) return no_such<R>(match);
  ApiResponse response = json_answer(status, answer(*found.resource, *found.model, settings_, secrets).get());
  response.headers["ETag"] = etag(*found.resource);
  return response;
}

template <class R>
ApiResponse Operations::list(const ApiRequest& request, const RouteMatch& match) {
  const auto model = store_.model();
  if (auto missing = missing_parent<R>(*model, match)) return *std::move(missing);
  FieldErrors errors;
  const ListQuery query = read_list_query(request.query, errors);
  if (!errors.empty()) return problem(errors);
  const std::string prefix = Place<R>::prefix(match);
  const auto& map = Place<R>::map(*model);
  JsonArrayBuilder items;
  std::int64_t total = 0;
  std::size_t count = 0;
  std::string last;
  bool more = false;
  for (auto entry = map.lower_bound(prefix); entry != map.end() && entry->first.starts_with(prefix);
       ++entry) {
    const R& resource = entry->second;
    if (!matches(query.filter, resource.name, resource.description)) continue;
    ++total;
    if (resource.name <= query.after) continue;
    more = count == query.page_size;
    if (more) continue;
    items.add(answer(resource, *model, settings_, Secrets::hidden));
    last = resource.name;
    ++count;
  }
  JsonObjectBuilder body;
  body.add("items", items.take());
  body.add("nextPageToken", more ? json_text(page_token(last)) : json_null());
  body.add("totalCount", json_number(total));
  return json_answer(200, body.take().get());
}

template <class R>
ApiResponse Operations::create(const ApiRequest& request, const RouteMatch& match) {
  if (auto missing = missing_parent<R>(*store_.model(), match)) return *std::move(missing);
  const JsonPtr body = parse_scanned_json(request.body);
  if (!body) return problem(400, "the body is not acceptable JSON");
  R resource{};
  FieldErrors errors;
  report_unknown_nulls<R>(body.get(), errors, read_only_members<R>());
  read_document(merge_patch(nullptr, body.get()).get(), resource, errors, read_only_members<R>());
  check_rules(resource, errors);
  check_reach(resource, settings_, errors);
  if (!errors.empty()) return problem(errors);
  Place<R>::adopt(resource, match);
  give_identity(resource);
  resource.created = resource.updated = now();
  if (const Status stored = store_.put(resource, true); !stored) return problem(stored.error());
  RouteMatch created = match;
  Place<R>::name(created) = resource.name;
  ApiResponse response = shown<R>(201, created, Secrets::shown);
  response.headers["Location"] = "/api/v1" + request.path + "/" + resource.name;
  return response;
}

template <class R>
ApiResponse Operations::read(const ApiRequest& request, const RouteMatch& match) {
  FieldErrors errors;
  const bool secrets = read_flag(request, "secrets", errors).value_or(false);
  if (!errors.empty()) return problem(errors);
  return shown<R>(200, match, secrets ? Secrets::shown : Secrets::hidden);
}

template <class R>
ApiResponse Operations::patch(const ApiRequest& request, const RouteMatch& match) {
  const auto found = find<R>(match);
  if (found.resource == nullptr) return no_such<R>(match);
  const R& current = *found.resource;
  if (precondition_fails(request, current)) return precondition_failed();
  const JsonPtr body = parse_scanned_json(request.body);
  if (!body || !JSON_NODE_HOLDS_OBJECT(body.get())) return problem(400, "a patch must be a JSON object");
  const JsonPtr before =
      merge_patch(to_document(current, Part::open).get(), to_document(current, Part::secret).get());
  FieldErrors errors;
  report_unknown_nulls<R>(body.get(), errors, read_only_members<R>());
  const JsonPtr after = hold_fixed<R>(before.get(), merge_patch(before.get(), body.get()).get(), errors);
  R next = current;
  read_document(after.get(), next, errors, read_only_members<R>());
  check_fixed(current, next, errors);
  check_rules(next, errors);
  check_reach(next, settings_, errors);
  if (!errors.empty()) return problem(errors);
  if constexpr (std::is_same_v<R, Endpoint>) {
    // A folder has one kind of bytes, never a clear half and an encrypted one.
    const std::string task = key_identity(current) == key_identity(next) ? "" : task_of(board_, current);
    if (!task.empty())
      return problem(409, "drm cannot change while collection task " + task + " takes content of it");
  }
  next.updated = now();
  if (const Status stored = store_.put(next, false); !stored) return problem(stored.error());
  return shown<R>(200, match, Secrets::hidden);
}

template <class R>
ApiResponse Operations::remove(const ApiRequest& request, const RouteMatch& match) {
  FieldErrors errors;
  const bool delete_content = read_flag(request, "deleteContent", errors).value_or(false);
  if (!errors.empty()) return problem(errors);
  const auto found = find<R>(match);
  if (found.resource == nullptr) return no_such<R>(match);
  if (precondition_fails(request, *found.resource)) return precondition_failed();
  if constexpr (!std::is_same_v<R, Group>) {
    if (const auto task = task_of(board_, *found.resource); !task.empty()) return is_needed_by(task);
  }
  Status removed;
  if constexpr (std::is_same_v<R, Group>) {
    removed = store_.remove_group(match.group);
  } else if constexpr (std::is_same_v<R, Channel>) {
    const auto child = found.model->endpoints.lower_bound(match.group + "/" + match.channel + "/");
    const bool has_endpoints = child != found.model->endpoints.end() && child->second.group == match.group &&
                               child->second.channel == match.channel;
    if (!has_endpoints && !delete_content && status_.has_content(*found.resource)) {
      return problem(409, "channel " + match.group + "/" + match.channel +
                              " has archived content, which ?deleteContent=true deletes with it");
    }
    removed = store_.remove_channel(match.group, match.channel);
  } else {
    removed = store_.remove_endpoint(match.group, match.channel, match.endpoint);
  }
  if (!removed) return problem(removed.error());
  ApiResponse response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

ApiResponse Operations::export_all(const ApiRequest& request) {
  FieldErrors errors;
  const bool secrets = read_flag(request, "secrets", errors).value_or(false);
  if (!errors.empty()) return problem(errors);
  ApiResponse response;
  response.body = export_resources(*store_.model(), secrets ? Secrets::shown : Secrets::hidden);
  return response;
}

ApiResponse Operations::follow_events(const ApiRequest& request) {
  ApiResponse response;
  response.content_type = "application/x-ndjson";
  response.streams_events = true;
  const auto after = request.query.find("after");
  if (after == request.query.end()) return response;
  const auto id = parse_i64(after->second);
  if (!id || *id < 0) return problem(FieldErrors{{"after", "null", "must be the id of an event, or 0"}});
  response.events_after = static_cast<std::uint64_t>(*id);
  return response;
}

ApiResponse Operations::channel_status(const RouteMatch& match) {
  const auto found = find<Channel>(match);
  if (found.resource == nullptr) return no_such<Channel>(match);
  ApiResponse response;
  response.body = status_.channel_status(*found.resource);
  return response;
}

ApiResponse Operations::endpoint_status(const RouteMatch& match) {
  const auto found = find<Endpoint>(match);
  if (found.resource == nullptr) return no_such<Endpoint>(match);
  ApiResponse response;
  response.body = status_.endpoint_status(*found.resource);
  return response;
}

ApiResponse Operations::rotate_credentials(const ApiRequest& request, const RouteMatch& match) {
  const auto found = find<Channel>(match);
  if (found.resource == nullptr) return no_such<Channel>(match);
  Channel channel = *found.resource;
  std::size_t index = 0;
  while (index < channel.inputs.size() && channel.inputs.at(index).id != match.input) ++index;
  if (index == channel.inputs.size()) return problem(404, "a channel has the inputs ingest1 and ingest2");
  if (precondition_fails(request, channel)) return precondition_failed();
  Rotation rotation;
  if (!request.body.empty()) {
    const JsonPtr body = parse_scanned_json(request.body);
    if (!body) return problem(400, "the body is not acceptable JSON");
    FieldErrors errors;
    read_document(body.get(), rotation, errors);
    if (!errors.empty()) return problem(errors);
  }
  const std::chrono::seconds grace{rotation.grace_period};
  rotate(channel.inputs.at(index), grace.count() == 0 ? Utc{} : now_() + grace);
  channel.updated = now();
  if (const Status stored = store_.put(channel, false); !stored) return problem(stored.error());
  const auto changed = find<Channel>(match);
  if (changed.resource == nullptr) return no_such<Channel>(match);
  ApiResponse response = json_answer(
      200, input_answer(*changed.resource, index, *changed.model, settings_, Secrets::shown).get());
  response.headers["ETag"] = etag(*changed.resource);
  return response;
}

ApiResponse Operations::set_stopped(const ApiRequest& request, const RouteMatch& match, bool stopped) {
  const auto found = find<Channel>(match);
  if (found.resource == nullptr) return no_such<Channel>(match);
  if (precondition_fails(request, *found.resource)) return precondition_failed();
  if (found.resource->is_stopped != stopped) {
    Channel channel = *found.resource;
    channel.is_stopped = stopped;
    channel.updated = now();
    if (const Status stored = store_.put(channel, false); !stored) return problem(stored.error());
  }
  return shown<Channel>(200, match, Secrets::hidden);
}

ApiResponse Operations::reset_channel(const ApiRequest& request, const RouteMatch& match) {
  const auto found = find<Channel>(match);
  if (found.resource == nullptr) return no_such<Channel>(match);
  if (precondition_fails(request, *found.resource)) return precondition_failed();
  if (const auto task = task_of(board_, *found.resource); !task.empty()) return is_needed_by(task);
  Channel channel = *found.resource;
  channel.updated = now();
  if (const Status stored = store_.reset_channel(channel); !stored) return problem(stored.error());
  return shown<Channel>(200, match, Secrets::hidden);
}

ApiResponse Operations::run(const ApiRequest& request, const RouteMatch& match) {
  switch (match.route->operation) {
    case Operation::list_groups:
      return list<Group>(request, match);
    case Operation::create_group:
      return create<Group>(request, match);
    case Operation::read_group:
      return read<Group>(request, match);
    case Operation::patch_group:
      return patch<Group>(request, match);
    case Operation::delete_group:
      return remove<Group>(request, match);
    case Operation::list_channels:
      return list<Channel>(request, match);
    case Operation::create_channel:
      return create<Channel>(request, match);
    case Operation::read_channel:
      return read<Channel>(request, match);
    case Operation::patch_channel:
      return patch<Channel>(request, match);
    case Operation::delete_channel:
      return remove<Channel>(request, match);
    case Operation::channel_status:
      return channel_status(match);
    case Operation::rotate_credentials:
      return rotate_credentials(request, match);
    case Operation::start_channel:
      return set_stopped(request, match, false);
    case Operation::stop_channel:
      return set_stopped(request, match, true);
    case Operation::reset_channel:
      return reset_channel(request, match);
    case Operation::list_endpoints:
      return list<Endpoint>(request, match);
    case Operation::create_endpoint:
      return create<Endpoint>(request, match);
    case Operation::read_endpoint:
      return read<Endpoint>(request, match);
    case Operation::patch_endpoint:
      return patch<Endpoint>(request, match);
    case Operation::delete_endpoint:
      return remove<Endpoint>(request, match);
    case Operation::endpoint_status:
      return endpoint_status(match);
    case Operation::list_channel_tasks:
    case Operation::list_tasks:
      return list_tasks(request, match);
    case Operation::create_task:
      return create_task(request, match);
    case Operation::read_task:
      return read_task(match);
    case Operation::cancel_task:
      return cancel_task(match);
    case Operation::follow_events:
      return follow_events(request);
    case Operation::export_all:
      return export_all(request);
    case Operation::read_openapi: {
      ApiResponse response;
      response.body = openapi_document;
      return response;
    }
  }
  return problem(404, "unknown route");
}

}  // namespace tarn::server
