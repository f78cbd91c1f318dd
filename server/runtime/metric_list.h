// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/runtime/metrics.h"

namespace tarn::server {

// Says what all metrics of the server mean; once, before anything counts. docs/operations.md has the same
// list, and a test compares the two.
void describe_metrics(Metrics& metrics);

}  // namespace tarn::server
