// SPDX-License-Identifier: Apache-2.0
#include "server/model/outbound.h"

#include <algorithm>
#include <cctype>

#include "core/base/text.h"

namespace tarn::server {
namespace {

// IANA IPv4 and IPv6 Special-Purpose Address Registries: what is not globally reachable, and multicast.
constexpr const char* special_v4[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
};
constexpr char global_v6[] = "2000::/3";
// Inside of it: Teredo and other protocol assignments, documentation, 6to4.
constexpr const char* special_v6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};

bool is_in(const char* network, const Address& address) {
  const auto parsed = parse_network(network);
  return parsed.ok() && parsed->contains(address);
}

Error wrong(std::string reason) { return {ErrorCode::invalid, std::move(reason)}; }

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// The last label decides, as it does for those who read numbers as addresses.
bool looks_like_a_number(std::string_view host) {
  while (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last =
      host.substr(host.rfind('.') == std::string_view::npos ? 0 : host.rfind('.') + 1);
  if (last.starts_with("0x")) return true;
  return !last.empty() && last.find_first_not_of("0123456789") == std::string_view::npos;
}

// "host", "host:port", "[v6]:port"
Status parse_authority(std::string_view authority, OutboundUrl& url) {
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return wrong("has a host that is no address");
    url.host = authority.substr(1, end - 1);
    const auto address = parse_address(url.host);
    if (!address || url.host.find(':') == std::string::npos) return wrong("has a host that is no address");
    has_port = authority.size() > end + 1;
    if (has_port && authority[end + 1] != ':') return wrong("has a host that is no address");
    if (has_port) port = authority.substr(end + 2);
  } else {
    const auto colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    url.host = authority.substr(0, colon);
    if (has_port) port = authority.substr(colon + 1);
    std::transform(url.host.begin(), url.host.end(), url.host.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool is_name = !url.host.empty() && url.host.size() <= 253 &&
                         std::all_of(url.host.begin(), url.host.end(), is_name_character);
    if (!is_name) return wrong("has no valid host");
    if (looks_like_a_number(url.host) && !parse_address(url.host))
      return wrong("has a host that is no address");
  }
  if (!has_port) return {};
  const auto number = parse_u64(port);
  if (!number || *number == 0 || *number > 65'535) return wrong("has no valid port");
  url.port = static_cast<std::uint16_t>(*number);
  return {};
}

}  // namespace

bool is_public(const Address& address) {
  if (address.v4) {
    return std::none_of(std::begin(special_v4), std::end(special_v4),
                        [&](const char* network) { return is_in(network, address); });
  }
  return is_in(global_v6, address) &&
         std::none_of(std::begin(special_v6), std::end(special_v6),
                      [&](const char* network) { return is_in(network, address); });
}

bool OutboundPolicy::permits(const Address& address, bool is_https) const {
  const bool is_named = std::any_of(allowed.begin(), allowed.end(),
                                    [&](const Network& network) { return network.contains(address); });
  return is_named || (is_https && is_public(address));
}

Status OutboundPolicy::check(const OutboundUrl& url) const {
  if (!url.is_https && allowed.empty())
    return wrong("must be https, unless --outbound-allow names its network");
  const auto address = parse_address(url.host);
  if (address && !permits(*address, url.is_https)) {
    return wrong("leads to an address that neither is public (by https) nor in --outbound-allow");
  }
  const bool is_local = url.host == "localhost" || url.host.ends_with(".localhost");
  if (is_local && allowed.empty())
    return wrong("leads to this machine, which --outbound-allow does not name");
  return {};
}

Result<OutboundUrl> parse_outbound_url(std::string_view url) {
  if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return wrong("must be visible ASCII characters");
  }
  OutboundUrl out;
  if (url.starts_with("https://")) {
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
    out.is_https = false;
    out.port = 80;
  } else {
    return wrong("must begin with https:// or http://");
  }
  const std::uint16_t usual_port = out.port;
  const auto end = std::min(url.find_first_of("/?#\\"), url.size());
  const std::string_view authority = url.substr(0, end);
  if (authority.find('@') != std::string_view::npos) return wrong("must not have a user name or password");
  TRY(parse_authority(authority, out));
  if (out.port < 1024 && out.port != usual_port) return wrong("has a port that is another service's");
  const std::string_view rest = url.substr(end);
  if (rest.find_first_of("#\\") != std::string_view::npos)
    return wrong("must not have a fragment or backslash");
  if (!rest.empty()) out.target = rest.front() == '/' ? std::string{rest} : "/" + std::string{rest};
  return out;
}

}  // namespace tarn::server
