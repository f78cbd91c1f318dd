// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include "core/base/result.h"
#include "server/front/listener.h"

namespace tarn::server::front {

// A listening socket that nobody can reach. A SoupServer without a listener closes every connection after one
// request, and ours come by soup_server_accept_iostream().
Result<Object<GSocket>> make_dormant_listener();

}  // namespace tarn::server::front
