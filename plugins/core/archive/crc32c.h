// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace tarn::archive {

// CRC-32C (Castagnoli, as in RFC 3720 B.4) of `bytes` appended to what gave `crc`; 0 to begin with.
std::uint32_t crc32c(Bytes bytes, std::uint32_t crc = 0);

// The same without the processor's instruction: what the fast one is tested against.
std::uint32_t crc32c_portable(Bytes bytes, std::uint32_t crc = 0);

}  // namespace tarn::archive
