// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "core/isobmff/stsd.h"

// Sample entries from and to what is known of a stream.
namespace tarn::isobmff {

// Errors: malformed (no configuration, picture too large), unsupported (codec).
Status fill_sample_entry(Stsd& stsd, const codecs::StreamInfo& info);
// The entry's timescale is not known here: it stays the codec's usual one.
Result<codecs::StreamInfo> read_sample_entry(const Stsd& stsd);

}  // namespace tarn::isobmff
