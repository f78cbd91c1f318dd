// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "server/control/operations.h"
#include "server/control/problem.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

constexpr std::size_t id_bytes = 8;
constexpr std::size_t longest_text = 1000;
constexpr Microseconds longest_range = std::chrono::hours{24 * 31};

ApiResponse json_answer(int status, JsonNode* node) {
  ApiResponse response;
  response.status = status;
  response.body = print_json(node);
  return response;
}

ApiResponse no_board() { return problem(404, "this server runs no collection tasks"); }

// Members of a request's object: each is asked for by name, what is left over is refused.
class Members {
 public:
  Members(JsonNode* object, std::string prefix, FieldErrors& errors)
      : object_(object), prefix_(std::move(prefix)), errors_(errors) {}

  std::string text(const char* name, bool is_required) {
    JsonNode* const node = take(name);
    if (node == nullptr) {
      if (is_required) refuse(name, nullptr, "is required");
      return {};
    }
    const bool is_text = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
    std::string value = is_text ? json_node_get_string(node) : "";
    if (value.empty() || value.size() > longest_text) {
      refuse(name, node, "must be a text of 1 to " + std::to_string(longest_text) + " characters");
      return {};
    }
    return value;
  }

  Utc time(const char* name) {
    const std::string value = text(name, true);
    if (value.empty()) return {};
    const auto time = parse_utc(value);
    if (!time) refuse(name, json_member(object_, name), "must be a UTC time like 2026-01-31T12:00:00Z");
    return time ? *time : Utc{};
  }

  bool flag(const char* name) {
    JsonNode* const node = take(name);
    if (node == nullptr) return false;
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_BOOLEAN) {
      refuse(name, node, "must be true or false");
      return false;
    }
    return json_node_get_boolean(node) != 0;
  }

  JsonNode* object(const char* name) {
    JsonNode* const node = take(name);
    if (node != nullptr && JSON_NODE_HOLDS_OBJECT(node)) return node;
    refuse(name, node, node == nullptr ? "is required" : "must be an object");
    return nullptr;
  }

  void finish() {
    JsonObjectIter iterator;
    json_object_iter_init_ordered(&iterator, json_node_get_object(object_));
    const char* name = nullptr;
    JsonNode* node = nullptr;
    while (json_object_iter_next_ordered(&iterator, &name, &node) != 0) {
      if (std::find(taken_.begin(), taken_.end(), name) == taken_.end()) {
        refuse(name, nullptr, "is not a field of a collection task");
      }
    }
  }

 private:
  JsonNode* take(const char* name) {
    taken_.emplace_back(name);
    JsonNode* const node = json_member(object_, name);
    return node != nullptr && JSON_NODE_HOLDS_NULL(node) ? nullptr : node;
  }
  void refuse(const std::string& name, JsonNode* node, const std::string& reason) {
    errors_.push_back({prefix_ + name, node == nullptr ? "null" : short_json(node), reason});
  }

  JsonNode* object_;
  std::string prefix_;
  FieldErrors& errors_;
  std::vector<std::string> taken_;
};

CollectionTask read_body(JsonNode* body, FieldErrors& errors) {
  CollectionTask task;
  Members members{body, "", errors};
  task.endpoint = members.text("endpoint", true);
  task.start = members.time("start");
  task.end = members.time("end");
  if (JsonNode* const node = members.object("target")) {
    Members target{node, "target.", errors};
    task.target.url = target.text("url", true);
    task.target.endpoint = target.text("endpoint", false);
    task.target.region = target.text("region", false);
    task.target.credentials = target.text("credentials", false);
    task.target.path_style = target.flag("pathStyle");
    target.finish();
  }
  members.finish();
  return task;
}

// Semantics S12 for tasks: a range may lie in the future, but not before what the endpoint keeps.
void check_range(const CollectionTask& task, const Endpoint& endpoint, Utc now, FieldErrors& errors) {
  const auto refuse = [&](const char* field, Utc time, const std::string& reason) {
    errors.push_back({field, "\"" + format_utc_seconds(time) + "\"", reason});
  };
  if (endpoint.time_shift_days == 0) {
    errors.push_back(
        {"endpoint", "\"" + endpoint.name + "\"", "has timeShiftDays 0, so that it keeps nothing"});
    return;
  }
  if (task.end <= task.start) refuse("end", task.end, "must be after start");
  if (task.end - task.start > longest_range) refuse("end", task.end, "must be at most 31 days after start");
  const Utc oldest = now - std::chrono::hours{24} * endpoint.time_shift_days;
  if (task.start < oldest) {
    refuse("start", task.start, "is before what this endpoint keeps, " + format_utc_seconds(oldest));
  }
  if (task.start > now + longest_range) refuse("start", task.start, "must be at most 31 days in the future");
}

// Newest first: later keys are on earlier pages.
std::string key_of(const CollectionTask& task) {
  std::string moment = std::to_string(task.created.time_since_epoch().count());
  constexpr std::size_t digits = 20;
  return std::string(digits - std::min(digits, moment.size()), '0') + moment + task.id;
}

bool is_wanted(const ListQuery& query, const CollectionTask& task) {
  return matches(query.filter, task.group + "/" + task.channel + "/" + task.endpoint + " " + task.id,
                 task.target.url);
}

// The id of the oldest task that is not over and `is_meant`.
template <class Condition>
std::string unfinished(const CollectionBoard* board, Condition is_meant) {
  if (board == nullptr) return {};
  for (const CollectionTask& task : board->tasks()) {
    if (!task.is_over() && is_meant(task)) return task.id;
  }
  return {};
}

}  // namespace

ApiResponse Operations::list_tasks(const ApiRequest& request, const RouteMatch& match) {
  const bool is_of_channel = !match.channel.empty();
  if (is_of_channel && store_.model()->channel(match.group, match.channel) == nullptr) {
    return problem(404, "there is no channel " + match.group + "/" + match.channel);
  }
  FieldErrors errors;
  const ListQuery query = read_list_query(request.query, errors);
  if (!errors.empty()) return problem(errors);
  std::vector<CollectionTask> tasks = board_ == nullptr ? std::vector<CollectionTask>{} : board_->tasks();
  std::erase_if(tasks, [&](const CollectionTask& task) {
    const bool is_other = is_of_channel && (task.group != match.group || task.channel != match.channel);
    return is_other || !is_wanted(query, task);
  });
  std::sort(tasks.begin(), tasks.end(), [](const auto& a, const auto& b) { return key_of(a) > key_of(b); });
  JsonArrayBuilder items;
  std::size_t count = 0;
  std::string last;
  bool more = false;
  for (const CollectionTask& task : tasks) {
    if (!query.after.empty() && key_of(task) >= query.after) continue;
    more = count == query.page_size;
    if (more) break;
    items.add(answer(task));
    last = key_of(task);
    ++count;
  }
  JsonObjectBuilder body;
  body.add("items", items.take());
  body.add("nextPageToken", more ? json_text(page_token(last)) : json_null());
  body.add("totalCount", json_number(static_cast<std::int64_t>(tasks.size())));
  return json_answer(200, body.take().get());
}

ApiResponse Operations::create_task(const ApiRequest& request, const RouteMatch& match) {
  const auto model = store_.model();
  const Channel* const channel = model->channel(match.group, match.channel);
  if (channel == nullptr) return problem(404, "there is no channel " + match.group + "/" + match.channel);
  if (board_ == nullptr) return no_board();
  const JsonPtr body = parse_scanned_json(request.body);
  if (!body || !JSON_NODE_HOLDS_OBJECT(body.get())) return problem(400, "the body must be a JSON object");
  FieldErrors errors;
  CollectionTask task = read_body(body.get(), errors);
  if (!errors.empty()) return problem(errors);
  const Endpoint* const endpoint = model->endpoint(match.group, match.channel, task.endpoint);
  if (endpoint == nullptr) {
    errors.push_back(
        {"endpoint", "\"" + task.endpoint.substr(0, 40) + "\"", "is no endpoint of this channel"});
    return problem(errors);
  }
  check_range(task, *endpoint, now(), errors);
  board_->check_target(task.target, errors);
  if (!errors.empty()) return problem(errors);
  task.id = random_hex(id_bytes);
  task.group = match.group;
  task.channel = match.channel;
  task.channel_id = channel->id;
  task.endpoint_id = endpoint->id;
  task.created = now();
  if (const Status kept = board_->submit(task); !kept) return problem(kept.error());
  ApiResponse response = json_answer(201, answer(task).get());
  response.headers["Location"] = "/api/v1/collection-tasks/" + task.id;
  return response;
}

ApiResponse Operations::read_task(const RouteMatch& match) {
  const auto task = board_ == nullptr ? std::nullopt : board_->find(match.task);
  if (!task) return problem(404, "there is no collection task " + match.task);
  return json_answer(200, answer(*task).get());
}

ApiResponse Operations::cancel_task(const RouteMatch& match) {
  if (board_ == nullptr) return no_board();
  if (const Status cancelled = board_->cancel(match.task); !cancelled) return problem(cancelled.error());
  ApiResponse response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

std::string Operations::task_of(const Channel& channel) const {
  return unfinished(board_, [&](const CollectionTask& task) { return task.channel_id == channel.id; });
}

std::string Operations::task_of(const Endpoint& endpoint) const {
  return unfinished(board_, [&](const CollectionTask& task) { return task.endpoint_id == endpoint.id; });
}

}  // namespace tarn::server
