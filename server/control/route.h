// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tarn::server {

enum class Operation {
  list_groups,
  create_group,
  read_group,
  patch_group,
  delete_group,
  list_channels,
  create_channel,
  read_channel,
  patch_channel,
  delete_channel,
  channel_status,
  rotate_credentials,
  start_channel,
  stop_channel,
  reset_channel,
  list_endpoints,
  create_endpoint,
  read_endpoint,
  patch_endpoint,
  delete_endpoint,
  endpoint_status,
  list_channel_tasks,
  create_task,
  list_tasks,
  read_task,
  cancel_task,
  read_openapi,
  export_all,
  follow_events,
};

// Every route there is; docs/api/openapi.json describes exactly these.
struct Route {
  std::string_view method;
  std::string_view path;  // "{group}" stands for one component
  Operation operation;
  std::span<const std::string_view> query;  // the parameters it knows; others are refused
};
std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;  // null: unknown path, or (when `allow` is not empty) another method
  std::string allow;             // methods of this path, for 405
  std::string group;
  std::string channel;
  std::string endpoint;
  std::string input;
  std::string task;
};
// HEAD is GET here.
RouteMatch match_route(std::string_view method, std::string_view path);

}  // namespace tarn::server
