// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/timeline/timeline.h"

// Stretches and slots as the catalogue keeps them: one compact record each, closed by a CRC-32C, so
// that a damaged one is noticed and costs only itself. docs/formats/archive.md has the fields.
namespace tarn::archive {

ByteVector write_stretch(const timeline::Stretch& stretch);
Result<timeline::Stretch> parse_stretch(Bytes bytes);

// `number` is the key of the row, not part of the record.
ByteVector write_slot(const timeline::Slot& slot);
Result<timeline::Slot> parse_slot(std::uint64_t number, Bytes bytes);

}  // namespace tarn::archive
