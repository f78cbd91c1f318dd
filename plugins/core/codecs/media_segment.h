// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/codecs/captions.h"
#include "core/codecs/event_message.h"
#include "core/codecs/stream_info.h"

// What a demuxer makes of one media segment, whatever the container was.
namespace tarn::codecs {

// One access unit of video, one frame of audio or one cue sample of text. Both fields of a frame are one
// unit.
struct AccessUnit {
  // Ticks of ElementaryStream::timescale; MPEG-TS: the 33 bits of the PES header (audio: the same for all
  // frames of a packet).
  std::int64_t pts = 0;
  std::int64_t dts = 0;      // equal to pts when the source has none
  std::uint32_t offset = 0;  // into ElementaryStream::data
  std::uint32_t size = 0;
  std::uint32_t duration = 0;  // ticks, as the container says; 0: it says none (MPEG-TS)
  // Audio in MPEG-TS: index of this frame among those that begin in the PES packet (and in later ones without
  // PTS); its position is that PTS plus so many frames.
  std::uint32_t frame_in_pes = 0;
  bool sync = false;         // video: IDR (NAL type 5), or a recovery point with I slices only (open GOP)
  std::uint32_t config = 0;  // index into ElementaryStream::configs
};

// An event and the access unit it came with.
struct PlacedEvent {
  std::uint32_t unit = 0;  // index into ElementaryStream::units
  EventMessage message;    // delta and duration in ticks of ElementaryStream::timescale
};

// One elementary stream of a segment. `data` holds the access units back to back in decode order,
// video as length-prefixed NAL units (4 bytes; AUD, filler data and parameter sets removed), audio
// as raw frames without ADTS header, so that consecutive units are one contiguous range.
struct ElementaryStream {
  std::uint32_t id = 0;  // PID (ISO/IEC 13818-1) or track_ID (14496-12); never 0
  Codec codec = Codec::h264;
  std::string language;  // ISO 639-2 from the descriptor, or empty
  std::uint32_t timescale = 90'000;
  bool wraps = true;  // times are 33 bits wide; else 64 bits that never wrap
  // One entry, more when parameter sets change inside; none when a segment that does not begin with a
  // sync sample brings no parameter sets: the preceding ones hold.
  std::vector<StreamInfo> configs;
  std::vector<AccessUnit> units;
  Blob data;
  CaptionsFound captions;           // in the video's SEI
  std::vector<PlacedEvent> events;  // by unit
};

struct MediaSegment {
  std::vector<ElementaryStream> streams;  // in PMT or moov order; only streams with at least one unit
  std::uint64_t continuity_errors = 0;
  std::uint64_t damaged_packets = 0;  // sync lost, bad lengths, transport_error_indicator
  bool truncated = false;             // the last packet is cut, or a PES or mdat misses announced bytes
  std::vector<std::uint32_t> empty;   // ids of streams that are announced and have no unit here
  std::vector<std::string> ignored;   // "PID 0x102: stream_type 0x86 (SCTE-35)" …
};

}  // namespace tarn::codecs
