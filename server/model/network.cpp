// SPDX-License-Identifier: Apache-2.0
#include "server/model/network.h"

#include <arpa/inet.h>

#include <algorithm>

#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr std::array<std::uint8_t, 12> v4_mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned v4_mapped_bits = 96;

// An address as written: IPv4-mapped stays IPv6.
std::optional<Address> parse_literal(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  Address address;
  address.v4 = text.find(':') == std::string_view::npos;
  // glibc's inet_pton wants all four decimal parts without leading zeros, and no zone.
  if (inet_pton(address.v4 ? AF_INET : AF_INET6, terminated.c_str(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

bool is_v4_mapped(const Address& address) {
  return !address.v4 && std::equal(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), address.bytes.begin());
}

Address unmapped(const Address& address) {
  if (!is_v4_mapped(address)) return address;
  Address v4{.v4 = true, .bytes = {}};
  std::copy(address.bytes.begin() + 12, address.bytes.end(), v4.bytes.begin());
  return v4;
}

// `address` with everything behind the first `prefix` bits cleared.
Address masked(Address address, unsigned prefix) {
  for (unsigned i = 0; i < address.bytes.size(); ++i) {
    const unsigned bits = std::clamp(prefix, 8 * i, 8 * i + 8) - 8 * i;
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> bits));
  }
  return address;
}

Error refused(std::string reason) { return {ErrorCode::invalid, std::move(reason)}; }

std::string text_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.v4 ? AF_INET : AF_INET6, address.bytes.data(), text.data(), text.size());
  return text.data();
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const auto address = parse_literal(text);
  if (!address) return std::nullopt;
  return unmapped(*address);
}

bool Network::contains(const Address& address) const {
  return address.v4 == base.v4 && masked(address, prefix) == base;
}

Result<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_literal(text.substr(0, slash));
  if (!address) return refused("must be an IPv4 or IPv6 address or CIDR block");
  const unsigned widest = address->v4 ? 32 : 128;
  Network network{*address, widest};
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto prefix = parse_u64(digits);
    if (!prefix || *prefix > widest || (digits.size() > 1 && digits.front() == '0')) {
      return refused("must have a prefix length from 1 to " + std::to_string(widest));
    }
    network.prefix = static_cast<unsigned>(*prefix);
  }
  if (is_v4_mapped(network.base) && network.prefix >= v4_mapped_bits) {
    network = {unmapped(network.base), network.prefix - v4_mapped_bits};
  }
  if (network.prefix == 0) return refused("must not be the whole address space");
  const Address first = masked(network.base, network.prefix);
  if (first != network.base) {
    return refused("has host bits set; the block is " + text_of(first) + "/" +
                   std::to_string(network.prefix));
  }
  return network;
}

Result<std::vector<Network>> parse_networks(std::string_view text) {
  std::vector<Network> networks;
  for (const std::string_view part : split(text, ',')) {
    const auto network = parse_network(trim(part));
    if (!network) return refused("'" + std::string(trim(part)) + "' " + network.error().message);
    networks.push_back(*network);
  }
  return networks;
}

std::string client_address(std::string_view peer, std::string_view forwarded_for,
                           const std::vector<Network>& trusted_proxies) {
  const auto is_trusted = [&](std::string_view text) {
    const auto address = parse_address(text);
    return address && std::any_of(trusted_proxies.begin(), trusted_proxies.end(),
                                  [&](const Network& network) { return network.contains(*address); });
  };
  std::string_view client = peer;
  while (is_trusted(client) && !forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    client = trim(forwarded_for.substr(comma == std::string_view::npos ? 0 : comma + 1));
    forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
  }
  return std::string(client);
}

}  // namespace tarn::server
