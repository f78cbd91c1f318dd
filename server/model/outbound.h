// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "server/model/network.h"

// Where the server may send requests of its own (semantics S11): to public addresses over https, and to the
// networks that the operator names, over http too.
namespace tarn::server {

struct OutboundUrl {
  bool is_https = true;
  std::string host;  // a name or an address, without brackets, lower case
  std::uint16_t port = 443;
  std::string target = "/";  // path and query
};

struct OutboundPolicy {
  std::vector<Network> allowed;

  // Whether a connection to an address that a name stands for, or that was written, may be made.
  [[nodiscard]] bool permits(const Address& address, bool is_https) const;
  // What can be said before a name is resolved. The message is the reason alone.
  [[nodiscard]] Status check(const OutboundUrl& url) const;
};

// http or https with a host, of visible ASCII, without user name, password and fragment; ports below 1024
// only the usual two. Hosts that look like numbers must be addresses as they are usually written, for what
// a resolver makes of others ("127.1", "0x7f000001") is not what it looks like. The message is the reason.
Result<OutboundUrl> parse_outbound_url(std::string_view url);

// Reachable on the public Internet: neither private, local, reserved nor of a translation.
bool is_public(const Address& address);

}  // namespace tarn::server
