// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

namespace tarn::mpegts {

// A sample as the archive keeps it: length-prefixed NAL units or a raw audio frame.
struct Sample {
  std::int64_t dts = 0;  // 90 kHz, unwrapped; written modulo 2^33
  std::int64_t pts = 0;
  Bytes data;
  bool sync = false;
};

struct Stream {
  codecs::StreamInfo info;
  std::string language;
  std::vector<Sample> samples;  // decode order
};

// Timed metadata of the segment.
struct Metadata {
  enum class Kind { id3, splice };
  Kind kind = Kind::id3;
  std::int64_t sent =
      0;  // decode time of the picture it is sent with, 90 kHz; brought into the segment's time
  std::int64_t time = 0;  // presentation time, 90 kHz: the PTS of a tag, the splice time of a section
  Bytes data;             // whole tags, or a section; a section that is none is left out
};

// Writes one HLS media segment (RFC 8216bis 3.1.1, ISO/IEC 13818-1): PAT and PMT first, PCR on the
// video PID (else the first audio PID) at most 40 ms apart, streams interleaved by decode time,
// H.264 and HEVC as byte streams with an AUD before each access unit and the parameter sets before each
// sync sample, AAC with ADTS headers, AC-3 and E-AC-3 (with registration descriptors) and MP3 as they are.
// Every PID carries a multiple of 16 payload packets, so that each segment starts its continuity counters at
// 0 and ends at 15 (semantics S16). The same input always gives the same bytes. PIDs: PMT 0x1000, video
// 0x100, audio 0x101…; program 1.
//
// At most one video stream and 14 streams in all; a stream without samples is only listed. A PCR is the
// decode time less pcr_delay: the first packet of each access unit carries it, and packets of their own
// fill longer intervals, up to gaps of 10 s and to the end of the last access unit, so that it is never more
// than 40 ms to the first one of the next segment, and never back. Data is borrowed until the call returns.
// Errors: invalid (streams, or decode times that go back), unsupported (codec), malformed (samples), limit.
inline constexpr std::int64_t pcr_delay = 18'000;  // 200 ms: early enough for audio sent with later video
// Metadata have PIDs of their own, which the PMT lists only where there are any: ID3 tags in PES packets
// (0x1F0), SCTE 35 sections (0x1F1), filled up to 16 packets with splice_null().
Result<ByteVector> write_segment(const std::vector<Stream>& streams,
                                 const std::vector<Metadata>& metadata = {});

}  // namespace tarn::mpegts
