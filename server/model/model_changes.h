// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "server/model/model.h"

namespace tarn::server {

struct ModelChange {
  const char* what;      // "created", "updated", "deleted"
  std::string resource;  // "endpoint news/one/hls"
};

// What has happened to resources between two models: groups, channels, endpoints, each by name.
std::vector<ModelChange> changes_between(const Model& before, const Model& after);

}  // namespace tarn::server
