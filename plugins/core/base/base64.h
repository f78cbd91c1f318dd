// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace tarn {

// RFC 4648 section 4, with padding.
std::string base64(Bytes bytes);
// Section 5 without padding, as JSON Web Keys have it.
std::string base64url(Bytes bytes);
// White space is passed over, nothing else is; padding and the unused bits must be right. The url form is
// read too, with or without padding.
std::optional<ByteVector> parse_base64(std::string_view text);
std::optional<ByteVector> parse_base64url(std::string_view text);

}  // namespace tarn
