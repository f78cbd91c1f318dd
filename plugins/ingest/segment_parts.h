// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/mpegts/demuxer.h"

namespace tarn::ingest {

bool is_video(const codecs::ElementaryStream& stream);

// Of a segment that was cut short only whole GOPs are of use: the last one of each video stream may
// have lost its end and is dropped. Streams that have nothing left are, too.
void keep_whole_gops(codecs::MediaSegment& segment);

// Whether parameters change inside the segment, and the runs of units that have the same ones, as
// streams of their own that share the data.
bool changes_config(const codecs::ElementaryStream& stream);
std::vector<codecs::ElementaryStream> split_by_config(const codecs::ElementaryStream& stream);

}  // namespace tarn::ingest
