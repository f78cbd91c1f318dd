// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include "core/timeline/timeline.h"
#include "gstkit/ref.h"

namespace tarn::ingest {

// What GStreamer calls a stream: its type, caps, tags, and the flags SELECT for a rendition that players
// choose by themselves (video, DEFAULT=YES) and SPARSE for subtitles.
gstkit::Ref<GstStream> stream_of(const char* stream_id, const timeline::TrackDescription& track);

// language-code (ISO 639 or the primary subtag of BCP 47), title (EXT-X-MEDIA NAME), and the codec's name.
gstkit::Ref<GstTagList> tags_of(const timeline::TrackDescription& track);

}  // namespace tarn::ingest
