// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "core/codecs/stream_info.h"

namespace tarn::isobmff {

struct Sample {
  std::uint32_t size = 0;
  std::uint32_t duration = 0;           // ticks of the track
  std::int32_t composition_offset = 0;  // pts - dts; may be negative (trun version 1)
  bool sync = false;

  bool operator==(const Sample&) const = default;
};

// A CMAF chunk (ISO/IEC 23000-19 7.3.2.3): one moof and one mdat with one track's samples.
struct ChunkHeader {
  std::uint32_t sequence_number = 0;        // mfhd
  std::uint32_t track_id = 1;               // tfhd; Tarn writes one track per file, always 1
  std::int64_t base_media_decode_time = 0;  // tfdt version 1
  std::vector<Sample> samples;
  ByteVector events{};  // emsg boxes, which come in front of the moof
};

// emsg boxes, moof and the header of the mdat that follows it; append the samples' bytes and the chunk is
// whole.
ByteVector write_chunk_header(const ChunkHeader& chunk);

// `styp` that begins a CMAF segment (brands msdh, cmfs, cmff, cmfl); constant bytes.
Bytes segment_type();

// `prft` (ISO/IEC 14496-12 8.16.5) that says at which moment a time of the track is, in ticks of the track.
// In front of the first `moof` of a segment (ISO/IEC 23000-19 7.3.2.3).
ByteVector producer_reference_time(Utc utc, std::int64_t media_time);

// CMAF header (ftyp + moov, ISO/IEC 23000-19 7.3.2.1) of one track. The same StreamInfo and
// language always give the same bytes.
Result<ByteVector> write_init(const codecs::StreamInfo& info, std::string_view language);

// A chunk (or several back to back) read back; offsets are into the parsed bytes.
struct ParsedSample {
  std::int64_t dts = 0;
  std::int64_t pts = 0;
  std::uint32_t duration = 0;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  bool sync = false;
};
struct ParsedChunks {
  std::vector<ParsedSample> samples;
  std::vector<std::size_t> chunk_begins;  // index of each moof's first sample
  std::uint32_t track_id = 0;
};

// Reads moof/mdat pairs (other top-level boxes are passed over). Bounded: depth, box count, at most
// 100,000 samples, every child inside its parent, every sample inside its mdat. Fuzzed.
Result<ParsedChunks> parse_chunks(Bytes bytes);

// One chunk whose payload lies elsewhere: `front` is what is in front of the payload, as
// write_chunk_header() made it, and `total_size` the size of the whole. Offsets are those in the whole.
Result<ParsedChunks> parse_chunk_front(Bytes front, std::size_t total_size);

// Reads a CMAF header with exactly one track.
struct ParsedInit {
  codecs::StreamInfo info;
  std::uint32_t track_id = 0;
  std::string language;
};
Result<ParsedInit> parse_init(Bytes bytes);

}  // namespace tarn::isobmff
