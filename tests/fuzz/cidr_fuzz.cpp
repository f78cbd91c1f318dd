// SPDX-License-Identifier: Apache-2.0
// "network address forwarded-for", separated by line feeds, against a naive reference that walks bits.
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "server/model/network.h"

using namespace tarn;
using namespace tarn::server;

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

// 128 bits, IPv4 in its mapped form: one address space, unlike in the code under test.
std::vector<bool> bits_of(const Address& address) {
  std::vector<bool> bits;
  const auto append = [&bits](unsigned byte) {
    for (unsigned bit = 8; bit-- > 0;) bits.push_back(((byte >> bit) & 1U) != 0);
  };
  if (address.v4) {
    for (unsigned i = 0; i < 12; ++i) append(i < 10 ? 0U : 0xffU);
  }
  for (unsigned i = 0; i < (address.v4 ? 4U : 16U); ++i) append(address.bytes[i]);
  return bits;
}

bool naive_contains(const Network& network, const Address& address) {
  if (network.base.v4 != address.v4) return false;
  const auto base = bits_of(network.base);
  const auto asked = bits_of(address);
  const unsigned count = network.prefix + (network.base.v4 ? 96 : 0);
  for (unsigned i = 0; i < count; ++i) {
    if (base[i] != asked[i]) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parts = split(text, '\n');
  const auto network = parse_network(parts[0]);
  const auto list = parse_networks(parts[0]);
  if (network) {
    demand(network->prefix >= 1 && network->prefix <= (network->base.v4 ? 32U : 128U));
    demand(network->contains(network->base));
    demand(list.ok() && list->size() == 1 && list->front() == *network);
    const auto base = bits_of(network->base);
    for (std::size_t i = network->prefix + (network->base.v4 ? 96U : 0U); i < base.size(); ++i)
      demand(!base[i]);
  }
  if (parts.size() < 2) return 0;
  const auto address = parse_address(parts[1]);
  if (network && address) demand(network->contains(*address) == naive_contains(*network, *address));
  if (parts.size() < 3 || !list.ok()) return 0;
  const std::string client = client_address(parts[1], parts[2], *list);
  // The answer is the peer or one hop of the list, never a piece of one.
  bool known = client == parts[1];
  for (const auto hop : split(parts[2], ',')) known = known || client == trim(hop);
  demand(known);
  return 0;
}
