// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tarn::server {

// 24 hex digits that no other request of this server has had, and one of another server hardly ever.
std::string next_request_id();

}  // namespace tarn::server
