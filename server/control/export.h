// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "server/control/resource.h"

namespace tarn::server {

// All groups, channels and endpoints as a file of --resources: every setting that is set, and null for
// secrets that are hidden. The same resources give the same bytes, on whatever server.
std::string export_resources(const Model& model, Secrets secrets);

}  // namespace tarn::server
