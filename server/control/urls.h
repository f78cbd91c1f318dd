// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "server/model/model.h"

namespace tarn::server {

// The host (and port) of a base URL with the group's label in it: "abc….origin.example.com".
std::string domain(const std::string& base, const Group& group);

}  // namespace tarn::server
