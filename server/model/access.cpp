// SPDX-License-Identifier: Apache-2.0
#include "server/model/access.h"

#include <strings.h>

#include <algorithm>

#include "server/model/network.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

enum class Match { yes, no, unreadable };

Match match(const std::vector<std::string>& list, const std::optional<Address>& peer) {
  if (!peer) return Match::unreadable;
  for (const std::string& entry : list) {
    const auto network = parse_network(entry);
    if (!network) return Match::unreadable;  // never "rule ignored"
    if (network->contains(*peer)) return Match::yes;
  }
  return Match::no;
}

std::string_view without_bearer(std::string_view value) {
  static constexpr std::string_view scheme = "Bearer ";
  if (value.size() <= scheme.size() || strncasecmp(value.data(), scheme.data(), scheme.size()) != 0) {
    return value;
  }
  value.remove_prefix(scheme.size());
  return value;
}

}  // namespace

AccessDecision check_access(const Endpoint& endpoint, std::string_view peer,
                            std::optional<std::string_view> authorization, bool require_access_control) {
  if (!endpoint.ip_blacklist.empty() || !endpoint.ip_whitelist.empty()) {
    const auto address = parse_address(peer.substr(0, peer.find('%')));  // sockets add the zone
    if (!endpoint.ip_blacklist.empty() && match(endpoint.ip_blacklist, address) != Match::no) {
      return AccessDecision::ip_denied;
    }
    if (!endpoint.ip_whitelist.empty() && match(endpoint.ip_whitelist, address) != Match::yes) {
      return AccessDecision::ip_not_allowed;
    }
  }
  const bool has_previous = !endpoint.previous_authorization_code.empty();
  if (endpoint.authorization_code.empty() && !has_previous) {
    const bool open = endpoint.ip_whitelist.empty() && require_access_control;
    return open ? AccessDecision::not_protected : AccessDecision::allowed;
  }
  if (!authorization || authorization->empty()) return AccessDecision::code_missing;
  const std::string_view code = without_bearer(*authorization);
  const bool current = equal_secrets(code, endpoint.authorization_code);
  const bool previous = equal_secrets(code, endpoint.previous_authorization_code);
  const bool matches = (current && !endpoint.authorization_code.empty()) || (previous && has_previous);
  return matches ? AccessDecision::allowed : AccessDecision::code_wrong;
}

std::string_view access_reason(AccessDecision decision) {
  switch (decision) {
    case AccessDecision::allowed:
      return "allowed";
    case AccessDecision::ip_denied:
      return "ip-denied";
    case AccessDecision::ip_not_allowed:
      return "ip-not-allowed";
    case AccessDecision::code_missing:
      return "code-missing";
    case AccessDecision::code_wrong:
      return "code-wrong";
    case AccessDecision::not_protected:
      return "access-control-required";
  }
  return "ip-denied";
}

bool check_credentials(const Input* input, std::string_view username, std::string_view password, Utc now) {
  static const Input nobody;
  const Input& checked = input != nullptr ? *input : nobody;
  // All four comparisons, always: the answer's time says nothing about which of them failed.
  const bool name = equal_secrets(username, checked.username);
  const bool word = equal_secrets(password, checked.password);
  const bool old_name = equal_secrets(username, checked.previous_username);
  const bool old_word = equal_secrets(password, checked.previous_password);
  const bool current = name && word && !checked.password.empty();
  const bool previous =
      old_name && old_word && !checked.previous_password.empty() && now < checked.previous_until;
  return current || previous;
}

}  // namespace tarn::server
