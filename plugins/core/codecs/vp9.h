// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

// VP9: the payload of "vpcC", its version and flags included (VP Codec ISO Media File Format Binding). The
// picture size is in the sample entry and in the frames only.
namespace tarn::codecs::vp9 {

// `config` is taken over byte for byte.
Result<StreamInfo> stream_info_from_config(Bytes vpcc);

}  // namespace tarn::codecs::vp9
