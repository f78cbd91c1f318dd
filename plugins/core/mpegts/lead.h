// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace tarn::mpegts {

// How many bytes of a segment that begins with PAT and PMT have all of its first picture: up to and with
// the last packet of the first video access unit that is a random access point. What an I-frame
// playlist lists of it. Errors: not_found.
Result<std::size_t> lead_size(Bytes segment);

}  // namespace tarn::mpegts
