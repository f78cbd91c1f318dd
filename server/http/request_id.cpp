// SPDX-License-Identifier: Apache-2.0
#include "server/http/request_id.h"

#include <glib.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "core/base/text.h"

namespace tarn::server {

std::string next_request_id() {
  static const std::uint64_t prefix = static_cast<std::uint64_t>(g_random_int()) << 32U | g_random_int();
  static std::atomic<std::uint64_t> count{0};
  std::array<std::uint8_t, 12> id{};
  const std::uint64_t number = ++count;
  for (std::size_t i = 0; i < 8; ++i) id[i] = static_cast<std::uint8_t>(prefix >> (56 - 8 * i));
  for (std::size_t i = 0; i < 4; ++i) id[8 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return hex(id);
}

}  // namespace tarn::server
