// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

namespace tarn::server {

// A host by name whose connections all go to one address that was looked at before: the name is what a
// certificate is held against, and nobody resolves it a second time. Transfer full.
GSocketConnectable* pinned_address_new(const char* host, guint16 port, GInetAddress* address);

}  // namespace tarn::server
