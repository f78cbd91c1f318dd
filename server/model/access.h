// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "server/model/model.h"

namespace tarn::server {

// The value of X-Tarn-Reason is access_reason() (semantics S36); code_* are 401, the rest 403.
enum class AccessDecision {
  allowed,
  ip_denied,       // on the blacklist
  ip_not_allowed,  // a whitelist is set and does not name the address
  code_missing,    // an authorization code is set and the request has no Authorization
  code_wrong,
  not_protected,  // neither code nor whitelist, and the server requires one
};

// Deny before allow; what is set must hold, both code and whitelist. `peer` is an address without port;
// one that cannot be read matches no whitelist and every blacklist. `authorization` is the field's
// value, the code alone or "Bearer <code>"; the previous code is as good as the current one.
// Takes the same time for every wrong code of one length.
AccessDecision check_access(const Endpoint& endpoint, std::string_view peer,
                            std::optional<std::string_view> authorization,
                            bool require_access_control = false);

std::string_view access_reason(AccessDecision decision);

// Whether a user name and password open an input now: the current pair, or the previous one within its
// grace period. `input` may be null (unknown channel): false, after the same work.
bool check_credentials(const Input* input, std::string_view username, std::string_view password, Utc now);

}  // namespace tarn::server
