// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

// Looks at a JSON text before json-glib does. json-glib 1.6 dies of deep nesting, takes the last of equal
// keys, turns numbers that are too large into -1 and cuts strings at \u0000; none of that gets past here.
namespace tarn::server {

struct JsonLimits {
  std::size_t bytes = std::size_t{64} * 1024;
  std::size_t depth = 16;  // of objects and arrays in each other
};

struct JsonFault {
  ErrorCode code = ErrorCode::malformed;  // or limit: more than JsonLimits::bytes
  std::string field;                      // "manifest.segments", "ipWhitelist[2]"; empty: the whole text
  std::string reason;                     // with line and column; never a value
};

// What is wrong with `text`, if anything: RFC 8259 to the letter, UTF-8 without a byte order mark, no equal
// or empty keys in one object, no \u0000, whole numbers within 64 bits only. The API has no others: what has
// a fraction or an exponent passes here, and is a double that every field refuses with its own words.
std::optional<JsonFault> scan_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace tarn::server
