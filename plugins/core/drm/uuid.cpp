// SPDX-License-Identifier: Apache-2.0
#include "core/drm/uuid.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "core/base/text.h"

namespace tarn::drm {
namespace {

// Made once, at random: what tells our names from everybody else's.
constexpr Uuid name_space{0x6d, 0x1c, 0x9b, 0x52, 0x3e, 0x07, 0x4f, 0x3a,
                          0x9a, 0x41, 0x70, 0xb8, 0x25, 0xd3, 0xe4, 0x16};

}  // namespace

std::string to_text(const Uuid& uuid) {
  std::string text = hex(uuid);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  std::string digits{text};
  if (digits.size() == 36) {
    for (const std::size_t at : {23U, 18U, 13U, 8U}) {
      if (digits[at] != '-') return std::nullopt;
      digits.erase(at, 1);
    }
  }
  const auto bytes = parse_hex(digits);
  Uuid uuid{};
  if (!bytes || bytes->size() != uuid.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), uuid.begin());
  return uuid;
}

Uuid name_uuid(std::string_view name) {
  std::string text{reinterpret_cast<const char*>(name_space.data()), name_space.size()};
  text += name;
  std::array<std::uint8_t, 20> digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1) std::abort();
  Uuid uuid{};
  std::copy_n(digest.begin(), uuid.size(), uuid.begin());
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0FU) | 0x50U);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3FU) | 0x80U);
  return uuid;
}

}  // namespace tarn::drm
