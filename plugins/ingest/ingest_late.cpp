// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ingest/ingest_session.h"
#include "ingest/segment_parts.h"

// Segments that come after their place in the playlist was given up as a gap (semantics S4).
namespace tarn::ingest {
namespace {

// What is older, or ahead, belongs to another session of the encoder.
constexpr std::int64_t oldest = std::int64_t{600} * transport_timescale;

}  // namespace

bool IngestSession::pass_late() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (is_text(i) || lanes_[i].passed == 0 || lanes_[i].breaks) continue;
    auto segment = push_.next_late(i);
    if (!segment) continue;
    // The times of what comes next are told from what came last: they are not touched.
    if (repairing_ && demux(*segment) && goes_with(lanes_[i], *segment->object.media)) {
      pass_late(i, *segment);
    }
    return true;
  }
  return false;
}

// Of the same programme: the same parameters, at times that are over.
bool IngestSession::goes_with(const Lane& lane, const codecs::MediaSegment& media) const {
  Layout layout = lane.layout;
  layout.add(media);
  return std::all_of(media.streams.begin(), media.streams.end(), [&](const codecs::ElementaryStream& stream) {
    const Layout::Stream* known = lane.layout.find(stream.id);
    const auto clock = lane.clocks.find(stream.id);
    if (known == nullptr || clock == lane.clocks.end() || !clock->second.edge_90k()) return false;
    const Layout::Stream* now = layout.find(stream.id);
    if (changes_config(stream) || now == nullptr || !(now->info == known->info)) return false;
    const std::int64_t edge = *clock->second.edge_90k();
    const std::int64_t behind = edge - first_time(stream, edge);
    return behind > 0 && behind < oldest;
  });
}

void IngestSession::pass_late(std::size_t playlist, const OrderedSegment& segment) {
  const Lane& lane = lanes_[playlist];
  SegmentOver over{.keys = {}, .media_sequence = segment.media_sequence};
  for (const bool video : {true, false}) {
    for (const codecs::ElementaryStream& stream : segment.object.media->streams) {
      const TrackSource* source = source_of(playlist, stream.id);
      if (is_video(stream) != video || source == nullptr) continue;
      StreamClock clock = lane.clocks.at(stream.id);
      pass_runs(playlist, stream, segment, clock.time(stream, lane.layout.find(stream.id)->info, *edge_));
      over.keys.push_back(source->description.key);
    }
  }
  outputs_.emplace_back(std::move(over));
  ++statistics_.late;
  ++statistics_.segments;
  statistics_.last_segment = segment.object.path;
}

}  // namespace tarn::ingest
