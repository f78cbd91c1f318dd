// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tarn::server {

struct BasicCredentials {
  std::string username;
  std::string password;
};

// An Authorization field of the Basic scheme (RFC 7617); strict base64, at most 1 KiB.
std::optional<BasicCredentials> parse_basic(std::string_view authorization);

}  // namespace tarn::server
