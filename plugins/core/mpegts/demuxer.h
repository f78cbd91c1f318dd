// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

namespace tarn::mpegts {

// One access unit of video or one frame of audio. Both fields of a frame are one unit.
struct AccessUnit {
  std::uint64_t pts = 0;     // 33 bits, 90 kHz, as in the PES header (audio: the same for all its frames)
  std::uint64_t dts = 0;     // equal to pts when the header has none
  std::uint32_t offset = 0;  // into ElementaryStream::data
  std::uint32_t size = 0;
  // Audio: index of this frame among those that begin in the PES packet (and in later ones without
  // PTS); its position is that PTS plus so many frames.
  std::uint32_t frame_in_pes = 0;
  bool sync = false;          // video: IDR (NAL type 5), or a recovery point with I slices only (open GOP)
  bool leading_open = false;  // sync, but not an IDR: leading pictures may follow (semantics S35)
  std::uint32_t config = 0;   // index into ElementaryStream::configs
};

// One elementary stream of a segment. `data` holds the access units back to back in decode order,
// video as length-prefixed NAL units (4 bytes; AUD, filler data and parameter sets removed), audio
// as raw frames without ADTS header, so that consecutive units are one contiguous range.
struct ElementaryStream {
  std::uint16_t pid = 0;
  codecs::Codec codec = codecs::Codec::h264;
  std::string language;  // ISO 639-2 from the descriptor, or empty
  // One entry, more when parameter sets change inside; none when a segment that does not begin with a
  // sync sample brings no parameter sets: the preceding ones hold.
  std::vector<codecs::StreamInfo> configs;
  std::vector<AccessUnit> units;
  Blob data;
};

struct Segment {
  std::vector<ElementaryStream> streams;  // in PMT order; only streams with at least one unit
  std::uint64_t continuity_errors = 0;
  std::uint64_t damaged_packets = 0;  // sync lost, bad lengths, transport_error_indicator
  bool truncated = false;             // the last packet is cut, or a PES misses announced bytes
  std::vector<std::string> ignored;   // "PID 0x102: stream_type 0x86 (SCTE-35)" …
};

// Whether a file that begins like this is a transport stream at all: the first probe_size bytes decide.
inline constexpr std::size_t probe_size = 8 * 188;
bool is_transport_stream(Bytes beginning);

// Parses one whole TS segment (ISO/IEC 13818-1) as an encoder uploads it: payload is gathered once.
// Pure and stateless; bounded by the limits of docs/operations.md (PIDs, section and PES sizes).
// Errors: unsupported (not TS at all: no sync in the first 5 packets; codec Tarn does not carry),
// encrypted (scrambling bits set, SAMPLE-AES, a whole file that looks like AES-128), malformed (no
// PAT/PMT), limit.
// Video units without PTS take over the times of the decode order or are dropped and counted. A PES
// packet with a hole is dropped, one that ends too early keeps its complete units.
Result<Segment> demux(Bytes segment);

}  // namespace tarn::mpegts
