// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tarn::hls {

// A decimal-floating-point (RFC 8216bis 4.2) as an integer: "2.002" with three digits is 2002.
struct Decimal {
  std::int64_t scaled = 0;  // value × 10^digits, rounded to nearest
  int decimals = 0;         // digits after the point as written, at most `digits`
};

// Unsigned, whole string; the integer part may have up to 9 digits, the fraction any number.
std::optional<Decimal> parse_decimal(std::string_view text, int digits);

}  // namespace tarn::hls
