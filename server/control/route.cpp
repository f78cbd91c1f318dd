// SPDX-License-Identifier: Apache-2.0
#include "server/control/route.h"

#include <array>
#include <vector>

#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr std::array<std::string_view, 0> nothing{};
constexpr std::array<std::string_view, 3> paging{"pageSize", "pageToken", "filter"};
constexpr std::array<std::string_view, 1> secrets{"secrets"};
constexpr std::array<std::string_view, 1> delete_content{"deleteContent"};
constexpr std::array<std::string_view, 1> after{"after"};

constexpr std::array all_routes{
    Route{"GET", "/channel-groups", Operation::list_groups, paging},
    Route{"POST", "/channel-groups", Operation::create_group, nothing},
    Route{"GET", "/channel-groups/{group}", Operation::read_group, secrets},
    Route{"PATCH", "/channel-groups/{group}", Operation::patch_group, nothing},
    Route{"DELETE", "/channel-groups/{group}", Operation::delete_group, nothing},
    Route{"GET", "/channel-groups/{group}/channels", Operation::list_channels, paging},
    Route{"POST", "/channel-groups/{group}/channels", Operation::create_channel, nothing},
    Route{"GET", "/channel-groups/{group}/channels/{channel}", Operation::read_channel, secrets},
    Route{"PATCH", "/channel-groups/{group}/channels/{channel}", Operation::patch_channel, nothing},
    Route{"DELETE", "/channel-groups/{group}/channels/{channel}", Operation::delete_channel, delete_content},
    Route{"GET", "/channel-groups/{group}/channels/{channel}/status", Operation::channel_status, nothing},
    Route{"POST", "/channel-groups/{group}/channels/{channel}/inputs/{input}/rotate-credentials",
          Operation::rotate_credentials, nothing},
    Route{"POST", "/channel-groups/{group}/channels/{channel}/start", Operation::start_channel, nothing},
    Route{"POST", "/channel-groups/{group}/channels/{channel}/stop", Operation::stop_channel, nothing},
    Route{"POST", "/channel-groups/{group}/channels/{channel}/reset", Operation::reset_channel, nothing},
    Route{"GET", "/channel-groups/{group}/channels/{channel}/endpoints", Operation::list_endpoints, paging},
    Route{"POST", "/channel-groups/{group}/channels/{channel}/endpoints", Operation::create_endpoint,
          nothing},
    Route{"GET", "/channel-groups/{group}/channels/{channel}/endpoints/{endpoint}", Operation::read_endpoint,
          secrets},
    Route{"PATCH", "/channel-groups/{group}/channels/{channel}/endpoints/{endpoint}",
          Operation::patch_endpoint, nothing},
    Route{"DELETE", "/channel-groups/{group}/channels/{channel}/endpoints/{endpoint}",
          Operation::delete_endpoint, nothing},
    Route{"GET", "/channel-groups/{group}/channels/{channel}/endpoints/{endpoint}/status",
          Operation::endpoint_status, nothing},
    Route{"GET", "/channel-groups/{group}/channels/{channel}/collection-tasks", Operation::list_channel_tasks,
          paging},
    Route{"POST", "/channel-groups/{group}/channels/{channel}/collection-tasks", Operation::create_task,
          nothing},
    Route{"GET", "/collection-tasks", Operation::list_tasks, paging},
    Route{"GET", "/collection-tasks/{task}", Operation::read_task, nothing},
    Route{"DELETE", "/collection-tasks/{task}", Operation::cancel_task, nothing},
    Route{"GET", "/events", Operation::follow_events, after},
    Route{"GET", "/export", Operation::export_all, secrets},
    Route{"GET", "/openapi.json", Operation::read_openapi, nothing},
};

// Fills the captures when every component fits.
bool fits(std::string_view pattern, const std::vector<std::string_view>& components, RouteMatch& match) {
  const std::vector<std::string_view> parts = split(pattern, '/');
  if (parts.size() != components.size()) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].starts_with('{')) {
      if (parts[i] != components[i]) return false;
      continue;
    }
    if (!is_resource_name(components[i])) return false;
    std::string& capture = parts[i] == "{group}"     ? match.group
                           : parts[i] == "{channel}" ? match.channel
                           : parts[i] == "{input}"   ? match.input
                           : parts[i] == "{task}"    ? match.task
                                                     : match.endpoint;
    capture = components[i];
  }
  return true;
}

}  // namespace

std::span<const Route> routes() { return all_routes; }

RouteMatch match_route(std::string_view method, std::string_view path) {
  constexpr std::size_t longest_path = 2048;
  RouteMatch match;
  if (path.size() > longest_path) return match;
  const std::vector<std::string_view> components = split(path, '/');
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : all_routes) {
    if (!fits(route.path, components, match)) continue;
    match.allow += (match.allow.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == wanted) match.route = &route;
  }
  return match;
}

}  // namespace tarn::server
