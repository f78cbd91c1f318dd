// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/codecs/event_message.h"
#include "core/mpegts/segment_writer.h"

// What TS segments have in common whether they are made of chunks or of elementary streams.
namespace tarn::package {

struct TsEvent {
  std::int64_t begin = 0;  // decode time of what it came with, 90 kHz
  std::int64_t time = 0;
  codecs::EventMessage message;
};

// What TS has a place for: ID3 tags and splices. The same message may be in several tracks. A splice is said
// ahead of its time, as early as it is known. The result borrows the messages' data.
std::vector<mpegts::Metadata> metadata_of(const std::vector<TsEvent>& events);

// Composition offsets of ISOBMFF may be negative; in MPEG-TS nothing is shown before it is decoded (ISO/IEC
// 13818-1 2.4.3.7). When pictures are shown stays as it is.
void decode_in_time(std::vector<mpegts::Sample>& samples);

}  // namespace tarn::package
