// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"

namespace tarn::server {

// A user name and a password for the key servers whose URLs begin with `base`.
struct KeyServerCredentials {
  std::string base;
  std::string username;
  std::string password;  // secret
};

// What --key-server-credentials names: {"https://keys.example/speke": {"username": "…", "password": "…"}}.
// The errors name the entry and never a value.
Result<std::vector<KeyServerCredentials>> read_key_server_credentials(const std::string& json);

// Those of the longest base that is `url` or stands in front of a '/' or '?' of it; null: none.
const KeyServerCredentials* credentials_for(const std::vector<KeyServerCredentials>& all,
                                            const std::string& url);

}  // namespace tarn::server
