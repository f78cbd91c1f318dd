// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace tarn {

// Whole-string decimal numbers; no sign (u64), no spaces, no overflow.
std::optional<std::uint64_t> parse_u64(std::string_view text);
std::optional<std::int64_t> parse_i64(std::string_view text);

std::string_view trim(std::string_view text);  // spaces and tabs
std::vector<std::string_view> split(std::string_view text, char separator);
std::string hex(Bytes bytes);  // lower case
std::optional<ByteVector> parse_hex(std::string_view text);

// One component of a path on the wire: [A-Za-z0-9_-][A-Za-z0-9._-]{0,199} (semantics S22).
bool is_path_component(std::string_view text);
// A resource name: [A-Za-z0-9_-]{1,200}.
bool is_resource_name(std::string_view text);

}  // namespace tarn
