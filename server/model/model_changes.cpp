// SPDX-License-Identifier: Apache-2.0
#include "server/model/model_changes.h"

namespace tarn::server {
namespace {

template <class R>
void compare(const std::map<std::string, R>& before, const std::map<std::string, R>& after,
             const std::string& noun, std::vector<ModelChange>& changes) {
  for (const auto& [path, resource] : after) {
    const auto was = before.find(path);
    if (was == before.end()) {
      changes.push_back({"created", noun + path});
    } else if (was->second.revision != resource.revision) {
      changes.push_back({"updated", noun + path});
    }
  }
  for (const auto& [path, resource] : before) {
    if (!after.contains(path)) changes.push_back({"deleted", noun + path});
  }
}

}  // namespace

std::vector<ModelChange> changes_between(const Model& before, const Model& after) {
  std::vector<ModelChange> changes;
  compare(before.groups, after.groups, "group ", changes);
  compare(before.channels, after.channels, "channel ", changes);
  compare(before.endpoints, after.endpoints, "endpoint ", changes);
  return changes;
}

}  // namespace tarn::server
