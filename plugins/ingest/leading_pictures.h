// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <vector>

#include "core/codecs/stream_info.h"
#include "gstkit/ref.h"

namespace tarn::ingest {

// Semantics S35: takes from a GOP (buffers in decode order, the first is a sync sample) the pictures that
// refer to what was before it in its own input. The pictures that stay keep their times and are `duration`
// long up to the next one that stays; events of those that go move to the one before. Of HEVC the first
// picture becomes one at which decoders begin anew (BLA_N_LP): its order counts are not those of what comes
// before it now. Returns how many went.
std::size_t detach_gop(std::vector<gstkit::Ref<GstBuffer>>& gop, const codecs::StreamInfo& info);

}  // namespace tarn::ingest
