// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tarn::drm {

using Uuid = std::array<std::uint8_t, 16>;  // in the order of its text

std::string to_text(const Uuid& uuid);  // 8-4-4-4-12, lower case
// With or without hyphens, either case.
std::optional<Uuid> parse_uuid(std::string_view text);
// RFC 9562 5.5: of a name in Tarn's own namespace; the same name is always the same UUID.
Uuid name_uuid(std::string_view name);

}  // namespace tarn::drm
