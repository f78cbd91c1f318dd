// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tarn::gstkit {

// A URL as it may be said to anybody: without user, query and fragment, which may be secrets.
std::string spoken(const std::string& url);

}  // namespace tarn::gstkit
