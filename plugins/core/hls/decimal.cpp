// SPDX-License-Identifier: Apache-2.0
#include "core/hls/decimal.h"

#include "core/base/text.h"

namespace tarn::hls {
namespace {

constexpr std::size_t longest_integer_part = 9;

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text, int digits) {
  const auto point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const auto integer = whole.size() > longest_integer_part ? std::nullopt : parse_u64(whole);
  if (!integer) return std::nullopt;
  Decimal decimal{static_cast<std::int64_t>(*integer), 0};
  const std::string_view fraction = point == std::string_view::npos ? "" : text.substr(point + 1);
  for (const char c : fraction) {
    if (c < '0' || c > '9') return std::nullopt;
  }
  for (int i = 0; i < digits; ++i) {
    const auto at = static_cast<std::size_t>(i);
    decimal.scaled = decimal.scaled * 10 + (at < fraction.size() ? fraction[at] - '0' : 0);
    if (at < fraction.size()) ++decimal.decimals;
  }
  const auto next = static_cast<std::size_t>(digits);
  if (next < fraction.size() && fraction[next] >= '5') ++decimal.scaled;
  return decimal;
}

}  // namespace tarn::hls
