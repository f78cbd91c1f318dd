// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Conditional requests and content codings (RFC 9110, 12 and 13).
namespace tarn::server {

// Whether an If-None-Match field names this strong tag (or any, "*"): weak comparison.
bool matches_etag(std::string_view if_none_match, std::string_view etag);

// Whether an Accept-Encoding field accepts gzip: named, or by "*", with a weight above zero.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace tarn::server
