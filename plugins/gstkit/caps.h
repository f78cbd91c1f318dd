// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "gstkit/ref.h"

// The caps of docs/architecture.md's contract, written and read in one place.
namespace tarn::gstkit {

// Elementary streams, as GStreamer's own parsers describe them. What an element passes on of them:
#define TARN_VIDEO_CAPS                                                   \
  "video/x-h264, stream-format=(string)avc, alignment=(string)au; "       \
  "video/x-h265, stream-format=(string)hvc1, alignment=(string)au; "      \
  "video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu; " \
  "video/x-vp9, alignment=(string)super-frame"
#define TARN_AUDIO_CAPS                                                               \
  "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw, framed=(boolean)true; " \
  "audio/mpeg, mpegversion=(int)1, layer=(int)3, parsed=(boolean)true; "              \
  "audio/x-ac3, framed=(boolean)true; audio/x-eac3, framed=(boolean)true; audio/x-opus"
#define TARN_TEXT_CAPS "application/x-subtitle-vtt, stream-format=(string)wvtt"
inline constexpr char text_stream_caps[] = TARN_TEXT_CAPS;
inline constexpr char video_stream_caps[] = TARN_VIDEO_CAPS;
inline constexpr char audio_stream_caps[] = TARN_AUDIO_CAPS;
inline constexpr char elementary_stream_caps[] = TARN_VIDEO_CAPS "; " TARN_AUDIO_CAPS "; " TARN_TEXT_CAPS;

// Caps of a track's elementary stream; the same StreamInfo comes back from stream_info_of.
// unsupported: a codec Tarn has no caps for.
Result<Ref<GstCaps>> caps_of(const codecs::StreamInfo& info);

// REQUIRES: caps are fixed, of the formats above. codec_data is the configuration record as a sample entry
// carries it (codecs::stream_info_from_config), which GStreamer's parsers leave out of AC-3, E-AC-3, MP3 and
// Opus: those may come without, but then only MP3 (by its fields) and Opus (by its streamheader) can be
// described. The other fields may be absent. Video times are 90 kHz ticks unless `timescale` says another,
// audio times are samples. Errors:
// unsupported, malformed.
Result<codecs::StreamInfo> stream_info_of(const GstCaps* caps);

// Size, aspect ratio and frame rate where the caps have them: they go before what the parameter sets say,
// because the parser in front may know better (a measured frame rate, a container's aspect ratio).
void apply_video_caps(const GstCaps* caps, codecs::StreamInfo& info);

// CMAF chunks of one track: `header` (ftyp and moov) travels in the caps as their streamheader, the frame
// rate (which no box says) as `framerate`.
#define TARN_CMAF_CAPS "video/quicktime, variant=(string)cmaf"
inline constexpr char cmaf_caps_template[] = TARN_CMAF_CAPS;
Ref<GstCaps> cmaf_caps(const codecs::StreamInfo& info, const Blob& header);

// Whole MPEG-2 TS segments, one a buffer, each decodable on its own.
#define TARN_TRANSPORT_CAPS \
  "video/mpegts, systemstream=(boolean)true, packetsize=(int)188, segmented=(boolean)true"
inline constexpr char ts_caps_template[] = TARN_TRANSPORT_CAPS;

struct CmafTrack {
  Blob header;
  codecs::StreamInfo info;
  std::string language;
};
Result<CmafTrack> cmaf_track_of(const GstCaps* caps);

// A copy of a buffer field of a structure (codec_data); malformed when absent.
Result<Blob> buffer_field(const GstStructure* structure, const char* name);

}  // namespace tarn::gstkit
