// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "server/control/control.h"
#include "server/model/store.h"

namespace tarn::server {

// The file of --resources: {"channelGroups": [{…, "channels": [{…, "inputs": […], "endpoints": […]}]}]} with
// the settings of the API. What is there is brought to exactly these settings (absent ones to their
// defaults), what is not is created, nothing is deleted; all of it, or nothing. `inputs` fixes credentials:
// [{id, username, password}]; without it they are generated once and kept. The error lists every fault with
// its path, and no secrets. `inputs` whose credentials are null are left out of it.
// The drm of an endpoint of which a task of `board` (may be null) takes content stays as it is, which
// `changes` says: a server that does not start serves nobody.
// `changes` gets what was done, in the order of the file, when it was done.
Status apply_resources(const std::string& json, Store& store, const ControlSettings& settings,
                       const CollectionBoard* board, Utc now, std::vector<ResourceChange>* changes = nullptr);

}  // namespace tarn::server
