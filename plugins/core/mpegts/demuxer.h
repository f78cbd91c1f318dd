// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/media_segment.h"

namespace tarn::mpegts {

// Whether a file that begins like this is a transport stream at all: the first probe_size bytes decide.
inline constexpr std::size_t probe_size = std::size_t{8} * 188;
bool is_transport_stream(Bytes beginning);

// Parses one whole TS segment (ISO/IEC 13818-1) as an encoder uploads it: payload is gathered once.
// Pure and stateless; bounded by the limits of docs/operations.md (PIDs, section and PES sizes).
// Errors: unsupported (not TS at all: no sync in the first 5 packets; codec Tarn does not carry),
// encrypted (scrambling bits set, SAMPLE-AES, a whole file that looks like AES-128), malformed (no
// PAT/PMT), limit.
// Video units without PTS take over the times of the decode order or are dropped and counted. A PES
// packet with a hole is dropped, one that ends too early keeps its complete units.
Result<codecs::MediaSegment> demux(Bytes segment);

}  // namespace tarn::mpegts
