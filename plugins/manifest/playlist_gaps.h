// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace tarn::manifest {

// A media playlist in which the segments of these names are gaps (RFC 8216bis 4.4.4.7, version 8).
std::string with_gaps(std::string_view playlist, const std::set<std::string, std::less<>>& names);

}  // namespace tarn::manifest
