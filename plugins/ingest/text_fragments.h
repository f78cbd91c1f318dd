// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/isobmff/movie_header.h"
#include "core/webvtt/document.h"

namespace tarn::ingest {

// Whether the header is that of subtitles, with nothing else in it.
bool is_text_header(const isobmff::MovieHeader& header);

// A segment of WebVTT in fragmented MP4 (ISO/IEC 14496-30, 5) as the file that it was made of, as far as can
// be told: what goes on from one sample to the next is one cue. Its times are the track's, in MPEG-2's.
// Errors: unsupported (the header is not that of subtitles), malformed, truncated, limit.
Result<webvtt::Document> read_text_fragments(const isobmff::MovieHeader& header, const Blob& segment);

}  // namespace tarn::ingest
