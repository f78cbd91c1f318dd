// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include <memory>

#include "server/front/connection.h"

namespace tarn::server::front {

// A stream for libsoup to read a connection's requests from and to write the answers to. It has no
// descriptor: its sources look at the connection's flags, which the event loop has brought up to date before.
// Transfer full.
GIOStream* new_soup_stream(std::shared_ptr<Connection> connection);

// Registers the types; once, before threads use them.
void register_soup_stream();

}  // namespace tarn::server::front
