// SPDX-License-Identifier: Apache-2.0
#include "server/model/collection.h"

#include <algorithm>
#include <array>

namespace tarn::server {
namespace {

constexpr std::array<std::string_view, 5> states{"QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"};

JsonPtr text_or_null(const std::string& text) { return text.empty() ? json_null() : json_text(text); }
JsonPtr time_or_null(const std::optional<Utc>& time) {
  return time ? json_text(format_utc_seconds(*time)) : json_null();
}
JsonPtr count(std::uint64_t number) { return json_number(static_cast<std::int64_t>(number)); }

JsonPtr target_json(const CollectionTarget& target) {
  JsonObjectBuilder out;
  out.add("url", target.url)
      .add("endpoint", text_or_null(target.endpoint))
      .add("region", text_or_null(target.region))
      .add("credentials", text_or_null(target.credentials))
      .add("pathStyle", json_boolean(target.path_style));
  return out.take();
}

JsonPtr stored(const std::optional<Utc>& time) {
  return time ? json_number(time->time_since_epoch().count()) : json_null();
}
Utc time_of(JsonNode* object, std::string_view name) {
  return Utc{Microseconds{json_member_number(object, name)}};
}
std::optional<Utc> time_if_any(JsonNode* object, std::string_view name) {
  JsonNode* const member = json_member(object, name);
  if (member == nullptr || JSON_NODE_HOLDS_NULL(member)) return std::nullopt;
  return time_of(object, name);
}

}  // namespace

std::string_view name_of(CollectionTask::State state) { return states.at(static_cast<std::size_t>(state)); }

std::string CollectionTask::folder() const {
  std::string moment;
  for (const char c : format_utc_seconds(std::chrono::floor<std::chrono::seconds>(start))) {
    if (c != '-' && c != ':') moment += c;
  }
  return channel + "-" + endpoint + "-" + moment + "-" + id;
}

JsonPtr answer(const CollectionTask& task) {
  JsonObjectBuilder out;
  out.add("id", task.id)
      .add("channelGroup", task.group)
      .add("channel", task.channel)
      .add("endpoint", task.endpoint)
      .add("start", format_utc_seconds(task.start))
      .add("end", format_utc_seconds(task.end))
      .add("target", target_json(task.target))
      .add("folder", task.folder())
      .add("manifest", text_or_null(task.manifest))
      .add("state", name_of(task.state))
      .add("progress", count(task.progress))
      .add("segmentsDone", count(task.segments_done))
      .add("segmentsTotal", count(task.segments_total))
      .add("bytes", count(task.bytes))
      .add("error", text_or_null(task.error))
      .add("warning", text_or_null(task.warning))
      .add("contentStart", time_or_null(task.content_start))
      .add("contentEnd", time_or_null(task.content_end))
      .add("failingSince", time_or_null(task.failing_since))
      .add("nextTryAt", time_or_null(task.next_try))
      .add("createdAt", format_utc_seconds(task.created))
      .add("startedAt", time_or_null(task.started))
      .add("finishedAt", time_or_null(task.finished));
  return out.take();
}

std::string write_task(const CollectionTask& task) {
  JsonObjectBuilder out;
  out.add("id", task.id)
      .add("channelGroup", task.group)
      .add("channel", task.channel)
      .add("endpoint", task.endpoint)
      .add("channelId", task.channel_id)
      .add("endpointId", task.endpoint_id)
      .add("start", stored(task.start))
      .add("end", stored(task.end))
      .add("target", target_json(task.target))
      .add("state", name_of(task.state))
      .add("progress", count(task.progress))
      .add("segmentsDone", count(task.segments_done))
      .add("segmentsTotal", count(task.segments_total))
      .add("bytes", count(task.bytes))
      .add("manifest", task.manifest)
      .add("error", task.error)
      .add("warning", task.warning)
      .add("contentStart", stored(task.content_start))
      .add("contentEnd", stored(task.content_end))
      .add("failingSince", stored(task.failing_since))
      .add("untidy", json_boolean(task.is_untidy))
      .add("created", stored(task.created))
      .add("started", stored(task.started))
      .add("finished", stored(task.finished));
  return print_json(out.take().get());
}

Result<CollectionTask> read_task(std::string_view document) {
  const JsonPtr root = TRY(parse_json(document));
  JsonNode* const node = root.get();
  CollectionTask task;
  task.id = json_member_text(node, "id");
  task.group = json_member_text(node, "channelGroup");
  task.channel = json_member_text(node, "channel");
  task.endpoint = json_member_text(node, "endpoint");
  task.channel_id = json_member_text(node, "channelId");
  task.endpoint_id = json_member_text(node, "endpointId");
  task.start = time_of(node, "start");
  task.end = time_of(node, "end");
  JsonNode* const target = json_member(node, "target");
  if (target == nullptr) return malformed("a collection task has no target");
  task.target.url = json_member_text(target, "url");
  task.target.endpoint = json_member_text(target, "endpoint");
  task.target.region = json_member_text(target, "region");
  task.target.credentials = json_member_text(target, "credentials");
  JsonNode* const style = json_member(target, "pathStyle");
  task.target.path_style = style != nullptr && json_node_get_boolean(style) != 0;
  const auto state = std::find(states.begin(), states.end(), json_member_text(node, "state"));
  if (state == states.end()) return malformed("a collection task has no state");
  task.state = static_cast<CollectionTask::State>(state - states.begin());
  task.progress = static_cast<std::uint32_t>(json_member_number(node, "progress"));
  task.segments_done = static_cast<std::uint64_t>(json_member_number(node, "segmentsDone"));
  task.segments_total = static_cast<std::uint64_t>(json_member_number(node, "segmentsTotal"));
  task.bytes = static_cast<std::uint64_t>(json_member_number(node, "bytes"));
  task.manifest = json_member_text(node, "manifest");
  task.error = json_member_text(node, "error");
  task.warning = json_member_text(node, "warning");
  task.content_start = time_if_any(node, "contentStart");
  task.content_end = time_if_any(node, "contentEnd");
  task.failing_since = time_if_any(node, "failingSince");
  JsonNode* const untidy = json_member(node, "untidy");
  task.is_untidy = untidy != nullptr && json_node_get_boolean(untidy) != 0;
  task.created = time_of(node, "created");
  task.started = time_if_any(node, "started");
  task.finished = time_if_any(node, "finished");
  return task;
}

}  // namespace tarn::server
