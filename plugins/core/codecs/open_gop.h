// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "core/base/bytes.h"
#include "core/codecs/stream_info.h"

namespace tarn::codecs {

// Of a sync sample of video as ISOBMFF carries it: pictures that follow it in decode order and precede it in
// presentation may refer to what came before it. So with the recovery points of H.264, and with CRA and
// BLA_W_LP of HEVC (ITU-T H.265, 7.4.2.2); never with an IDR, nor with a codec that has no such pictures.
// What is damaged is taken to be no IDR.
bool has_open_leading(const StreamInfo& info, Bytes sample);

// Makes a sync sample of HEVC for which that holds one that nothing leads: its CRA or BLA_W_LP becomes a
// BLA_N_LP, at which decoders begin anew, with picture order counts of its own. H.264 has no such picture;
// nothing is changed there.
void break_link(const StreamInfo& info, std::span<std::uint8_t> sample);

}  // namespace tarn::codecs
