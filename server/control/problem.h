// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"
#include "server/control/control.h"
#include "server/model/field.h"

namespace tarn::server {

// application/problem+json (RFC 9457).
ApiResponse problem(int status, const std::string& detail, const FieldErrors& errors = {});
// 400 with all of them; REQUIRES: !errors.empty()
ApiResponse problem(const FieldErrors& errors);
// What the store said.
ApiResponse problem(const Error& error);
ApiResponse problem(const JsonFault& fault);

// "segmentDuration 31: must be a whole number from 1 to 30"
std::string describe(const FieldError& error);

}  // namespace tarn::server
