// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/media_segment.h"

namespace tarn::mpegts {

// Packed audio (RFC 8216 3.4): frames of AAC in ADTS, AC-3, E-AC-3 or MP3 behind ID3 tags, one of which says
// on the clock of MPEG-TS when the first frame is heard.

// Whether a file that begins like this is packed audio: an ID3 tag, or else a sync word.
bool is_packed_audio(Bytes beginning);

// One stream; all its units have the time of the tag, and frame_in_pes counts them. Errors: malformed (no
// time in the tags, as RFC 8216 asks for; no frames), unsupported (codec), encrypted (SAMPLE-AES), limit.
Result<codecs::MediaSegment> demux_packed_audio(Bytes segment);

}  // namespace tarn::mpegts
