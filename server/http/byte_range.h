// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/bytes.h"

// Byte ranges of RFC 9110, 14: one range a request. A request for several gets the whole, as the RFC
// allows, so that many small ranges cannot multiply an answer.
namespace tarn::server {

struct ByteRange {
  enum class Kind { whole, part, unsatisfiable };
  Kind kind = Kind::whole;
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};

// `field`: the Range field's value, empty when there is none; `size`: of the whole, in bytes.
ByteRange parse_range(std::string_view field, std::uint64_t size);

// The bytes [first, first + length) of parts that follow each other; nothing is copied.
// REQUIRES: the range lies within the parts
std::vector<Blob> slice(const std::vector<Blob>& parts, std::uint64_t first, std::uint64_t length);

}  // namespace tarn::server
