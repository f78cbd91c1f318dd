// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// IP addresses and CIDR blocks as access lists and --trusted-proxies write them. Strict: what GLib or
// the C library would read leniently ("10.1", "10.0.0.0/ 8", "010.0.0.1") is refused. IPv4-mapped IPv6
// is the IPv4 address it stands for, or a deny list could be walked around on a dual-stack socket.
namespace tarn::server {

struct Address {
  bool v4 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four
  bool operator==(const Address&) const = default;
};

// Without port, brackets or zone ("fe80::1%eth0").
std::optional<Address> parse_address(std::string_view text);

struct Network {
  Address base;
  unsigned prefix = 0;  // bits: 1 to 32 (IPv4), 1 to 128 (IPv6)
  [[nodiscard]] bool contains(const Address& address) const;
  bool operator==(const Network&) const = default;
};

// "192.0.2.7", "192.0.2.0/24", "2001:db8::/32". Set host bits and a prefix of 0 are errors; the message
// is the reason alone ("has host bits set …"), for callers to put behind the value.
Result<Network> parse_network(std::string_view text);
// Comma-separated, spaces around the commas allowed.
Result<std::vector<Network>> parse_networks(std::string_view text);

// Who asks: the socket's peer, or, when the peer is a trusted proxy, the last untrusted hop of
// X-Forwarded-For (all fields of the request joined by commas), walked from the right. A hop that is no
// address ends the walk at it, unparsable as it is, so that no list can match it.
std::string client_address(std::string_view peer, std::string_view forwarded_for,
                           const std::vector<Network>& trusted_proxies);

}  // namespace tarn::server
