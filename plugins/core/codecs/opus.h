// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

// Opus in ISOBMFF: the payload of "dOps" (Encapsulation of Opus in ISO Base Media File Format, 4.3.2).
namespace tarn::codecs::opus {

inline constexpr std::uint32_t clock_rate = 48'000;  // whatever the input rate was (RFC 6716)

// `config` is taken over byte for byte. Frames may have any of several durations: samples_per_frame is 0.
Result<StreamInfo> stream_info_from_config(Bytes dops);

}  // namespace tarn::codecs::opus
