// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace tarn::server {

// Tells the service manager how things are, "READY=1", where it has asked for that: sd_notify(3) without its
// library. Never fails: nobody listens, or it is lost.
void notify_service(std::string_view state);

}  // namespace tarn::server
