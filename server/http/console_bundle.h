// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"

namespace tarn::server {

// The GResource of the console that was built into the server (server/console/bundle.py), its files below
// /tarn/console. Empty where npm had not built it.
Bytes console_bundle();

}  // namespace tarn::server
