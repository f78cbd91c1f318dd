// SPDX-License-Identifier: Apache-2.0
// The side of a session that knows subtitles: files that say nothing of where they are on the timeline.
#include "ingest/ingest_session.h"
#include "ingest/segment_parts.h"

namespace tarn::ingest {
namespace {

// Segments of the reference playlist whose times are remembered, and by how many a subtitle playlist may be
// ahead of it and still go by the same numbers.
constexpr std::size_t remembered_spans = 64;
constexpr std::uint64_t furthest_ahead = 8;

}  // namespace

bool IngestSession::is_text(std::size_t playlist) const {
  return push_.structure()->text_rendition(playlist) != nullptr;
}

// The reference is the first playlist: that of the first variant.
void IngestSession::remember_span(std::size_t playlist, const OrderedSegment& segment) {
  if (playlist != 0) return;
  const codecs::MediaSegment& media = *segment.object.media;
  const codecs::ElementaryStream* first = &media.streams.front();
  for (const codecs::ElementaryStream& stream : media.streams) {
    if (is_video(stream)) {
      first = &stream;
      break;
    }
  }
  const auto clock = lanes_[playlist].clocks.find(first->id);
  if (clock == lanes_[playlist].clocks.end() || !clock->second.edge_90k()) return;
  text_origin_ = first->wraps ? 0 : unwrapped_origin * std::int64_t{transport_timescale};
  const std::int64_t end = *clock->second.edge_90k();
  const std::int64_t length = rescale(segment.duration.count(), 1'000'000, transport_timescale);
  const auto before = spans_.find(segment.media_sequence - 1);
  // Audio and video of a segment end at different times, and so the next file begins where this one ends.
  const std::int64_t begin =
      before != spans_.end() && std::abs(before->second.end - (end - length)) < length / 2
          ? before->second.end
          : first_time(*first, end - length);
  spans_[segment.media_sequence] = {begin, end, sync_times_};
  if (spans_.size() > remembered_spans) spans_.erase(spans_.begin());
}

void IngestSession::fill_text(std::size_t playlist) {
  Lane& lane = lanes_[playlist];
  while (!lane.head) {
    auto segment = push_.next(playlist, now_);
    if (!segment) return;
    lane.break_pending = lane.break_pending || segment->discontinuity;
    if (segment->gap || !read_text(*segment)) {
      ++statistics_.gaps;
      continue;
    }
    lane.head_since = now_;
    lane.head = std::move(segment);
  }
}

// Where a file is that has the number of a reference segment, or else what follows the one before it.
// Nothing: that will be known later.
std::optional<IngestSession::Span> IngestSession::place_of(const Lane& lane) const {
  const OrderedSegment& file = *lane.head;
  const bool waits = !settled_ && !push_.ended(0) && now_ - lane.head_since < patience();
  // A new beginning belongs to the session that begins with it.
  if (lane.break_pending && lane.passed > 0 && lane.text_session == session_ && waits) return std::nullopt;
  if (const auto span = spans_.find(file.media_sequence); span != spans_.end()) return span->second;
  const std::uint64_t newest = spans_.empty() ? 0 : spans_.rbegin()->first;
  const bool is_ahead =
      spans_.empty() || (file.media_sequence > newest && file.media_sequence - newest <= furthest_ahead);
  if (is_ahead && waits) return std::nullopt;
  const auto edge = lane.text_session == session_ ? lane.subtitles.edge() : std::nullopt;
  if (!edge && !spans_.empty() && file.media_sequence < spans_.begin()->first &&
      spans_.begin()->first - file.media_sequence <= furthest_ahead) {
    const std::int64_t begin = spans_.begin()->second.begin;
    return Span{begin, begin, {}};  // its new beginning came earlier than that of the reference
  }
  const std::int64_t length = rescale(file.duration.count(), 1'000'000, transport_timescale);
  const std::int64_t begin = edge.value_or(spans_.empty() ? *edge_ : spans_.rbegin()->second.begin);
  return Span{begin, begin + length, {}};
}

bool IngestSession::pass_text() {
  if (!edge_) return false;
  bool any = false;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    if (!lane.head || !is_text(i)) continue;
    const auto span = place_of(lane);
    if (!span) continue;
    any = true;
    const OrderedSegment file = std::move(*lane.head);
    lane.head.reset();
    if (lane.text_session != session_) lane.subtitles.clear();
    lane.text_session = session_;
    lane.break_pending = false;
    ++lane.passed;
    auto placed =
        lane.subtitles.place(*file.object.text, span->begin, span->end, text_origin_, span->sync_times);
    for (const TrackSource& source : sources_) {
      if (!placed || source.playlist != i) continue;
      const std::string& key = source.description.key;
      outputs_.emplace_back(
          UnitRun{key, Blob::of(std::move(placed->data)), std::move(placed->units), file.object.ticket});
      outputs_.emplace_back(SegmentOver{{key}, file.media_sequence});
      ++statistics_.segments;
      break;
    }
  }
  return any;
}

}  // namespace tarn::ingest
