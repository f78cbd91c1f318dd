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
inline constexpr char elementary_stream_caps[] =
    "video/x-h264, stream-format=(string)avc, alignment=(string)au; "
    "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw, framed=(boolean)true";

// Caps of a track's elementary stream; the same StreamInfo comes back from stream_info_of.
// unsupported: a codec Tarn has no caps for.
Result<Ref<GstCaps>> caps_of(const codecs::StreamInfo& info);

// REQUIRES: caps are fixed. H.264 in `avc` and AAC in `raw` format, with codec_data; the other fields may be
// absent. Video times are 90 kHz ticks, audio times are samples. Errors: unsupported, malformed.
Result<codecs::StreamInfo> stream_info_of(const GstCaps* caps);

// Size, aspect ratio and frame rate where the caps have them: they go before what the parameter sets say,
// because the parser in front may know better (a measured frame rate, a container's aspect ratio).
void apply_video_caps(const GstCaps* caps, codecs::StreamInfo& info);

// CMAF chunks of one track: `header` (ftyp and moov) travels in the caps as their streamheader, the frame
// rate (which no box says) as `framerate`.
inline constexpr char cmaf_caps_template[] = "video/quicktime, variant=(string)cmaf";
Ref<GstCaps> cmaf_caps(const codecs::StreamInfo& info, const Blob& header);

struct CmafTrack {
  Blob header;
  codecs::StreamInfo info;
  std::string language;
};
Result<CmafTrack> cmaf_track_of(const GstCaps* caps);

// A copy of a buffer field of a structure (codec_data); malformed when absent.
Result<Blob> buffer_field(const GstStructure* structure, const char* name);

}  // namespace tarn::gstkit
