// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"

namespace tarn::manifest {

// Whether an answer with this status asks for the same request at another place. Not 303 (RFC 9110 15.4.4):
// what is there is to be got.
constexpr bool is_redirection(unsigned status) {
  return status == 301 || status == 302 || status == 307 || status == 308;
}

// Where a request to `url` goes on that was answered with this Location. Errors: invalid: no URL of http or
// https, or one that is not encrypted behind one that is.
Result<std::string> redirected(const std::string& url, const char* location);

// Whether what is meant for `base` may be told to `url`: the same host and port, or the same host encrypted.
bool may_have_credentials(const std::string& base, const std::string& url);

}  // namespace tarn::manifest
