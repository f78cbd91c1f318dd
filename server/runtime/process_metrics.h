// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/runtime/metrics.h"

namespace tarn::server {

// What the kernel says of this process, under the names that Prometheus' client libraries use.
void read_process(const Metrics::Sample& sample);

}  // namespace tarn::server
