// SPDX-License-Identifier: Apache-2.0
#include "ingest/ingest_session.h"

#include <algorithm>
#include <utility>

#include "core/base/time.h"
#include "ingest/segment_parts.h"

namespace tarn::ingest {
namespace {

// Segments of its old session that a playlist may still bring when the others have begun a new one.
constexpr int late_segments = 3;

// What EXT-X-DISCONTINUITY and the like are not needed for: only bandwidths differ.
bool same_tracks(const std::vector<timeline::TrackDescription>& a,
                 const std::vector<timeline::TrackDescription>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto left, auto right) {
    for (auto* track : {&left, &right}) {
      for (timeline::VariantUse& use : track->variants) use.bandwidth = use.average_bandwidth = 0;
    }
    return left == right;
  });
}

codecs::EventMessage rescaled(codecs::EventMessage message, std::uint32_t from, std::uint32_t to) {
  if (from == to) return message;
  message.delta = rescale(message.delta, from, to);
  if (message.duration == codecs::unknown_event_duration) return message;
  const std::int64_t duration = rescale(message.duration, from, to);
  const bool fits = duration < codecs::unknown_event_duration;
  message.duration = fits ? static_cast<std::uint32_t>(duration) : codecs::unknown_event_duration;
  return message;
}

}  // namespace

std::optional<Output> IngestSession::next() {
  while (outputs_.empty()) {
    if (!step()) return std::nullopt;
  }
  Output output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

// One step ahead; false when nothing can be done before something else comes.
bool IngestSession::step() {
  if (!push_.structure()) return false;
  follow_structure();
  for (std::size_t i = 0; i < lanes_.size(); ++i) is_text(i) ? fill_text(i) : fill(i);
  if (!begun_ || structure_changed_) return begin_when_ready();
  return pass_next() || pass_text() || pass_late() || begin_when_ready() || end_list();
}

void IngestSession::follow_structure() {
  if (push_.revision() == revision_) return;
  revision_ = push_.revision();
  const std::vector<ObjectName>& names = push_.structure()->playlists;
  std::vector<Lane> lanes(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto known = std::find(names_.begin(), names_.end(), names[i]);
    if (known != names_.end()) lanes[i] = std::move(lanes_[static_cast<std::size_t>(known - names_.begin())]);
  }
  lanes_ = std::move(lanes);
  names_ = names;
  naming_.begin_structure();
  structure_changed_ = begun_;
}

void IngestSession::fill(std::size_t playlist) {
  Lane& lane = lanes_[playlist];
  while (!lane.head) {
    auto segment = push_.next(playlist, now_);
    if (!segment) return;
    lane.break_pending = lane.break_pending || segment->discontinuity;
    lane.skipped += segment->skipped;
    if (segment->gap || !demux(*segment)) {
      lane.skipped += segment->duration;
      ++statistics_.gaps;
      continue;
    }
    lane.head = std::move(segment);
    lane.breaks = std::exchange(lane.break_pending, false) || is_jump(lane);
    if (lane.passed == 0) lane.breaks = false;
    if (lane.breaks && lane.break_ignored_for > 0) {
      lane.clocks.clear();
      lane.breaks = false;
      lane.break_ignored_for = 0;
    }
    if (lane.break_ignored_for > 0) --lane.break_ignored_for;
  }
}

// Audio may pause, so that the video says whether the times go on.
bool IngestSession::is_jump(const Lane& lane) {
  const codecs::MediaSegment& media = *lane.head->object.media;
  const auto video = std::find_if(media.streams.begin(), media.streams.end(), is_video);
  const auto& stream = video != media.streams.end() ? *video : media.streams.front();
  const auto clock = lane.clocks.find(stream.id);
  return clock != lane.clocks.end() && clock->second.is_jump(stream, lane.skipped);
}

bool IngestSession::is_at_beginning(const Lane& lane, bool begun) {
  return lane.head && (!begun || lane.breaks || lane.passed == 0);
}

bool IngestSession::begin_when_ready() {
  bool any = false;
  bool all = true;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (is_text(i)) continue;  // nobody waits for subtitles
    const Lane& lane = lanes_[i];
    const bool is_there = is_at_beginning(lane, begun_);
    any = any || is_there;
    const bool needs_no_wait = structure_changed_ ? lane.passed > 0 : push_.ended(i) && !lane.head;
    all = all && (is_there || needs_no_wait);
  }
  if (!any && !(structure_changed_ && all)) {
    waiting_since_.reset();
    return false;
  }
  if (!waiting_since_) waiting_since_ = now_;
  if (!all && !settled_ && now_ - *waiting_since_ < patience()) return false;
  waiting_since_.reset();
  if (std::exchange(structure_changed_, false)) {
    for (Lane& lane : lanes_) {
      if (lane.passed == 0 && lane.head && lane.head->object.media) lane.layout.add(*lane.head->object.media);
    }
    announce();
  } else {
    begin_session();
  }
  return true;
}

void IngestSession::begin_session() {
  if (begun_) {
    ++statistics_.discontinuities;
    outputs_.emplace_back(SessionBegan{++session_});
  }
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    if (is_text(i)) continue;
    if (is_at_beginning(lane, begun_)) {
      lane.layout.clear();
      lane.layout.add(*lane.head->object.media);
      lane.clocks.clear();
      lane.breaks = false;
    } else {
      lane.break_ignored_for = lane.passed > 0 ? late_segments : 0;
    }
  }
  begun_ = true;
  spans_.clear();
  edge_.reset();
  timeline_edge_.reset();
  naming_.begin_session();
  announce();
}

void IngestSession::announce() {
  std::vector<Layout> layouts;
  for (const Lane& lane : lanes_) layouts.push_back(lane.layout);
  sources_ = naming_.name(*push_.structure(), layouts);
  std::vector<timeline::TrackDescription> tracks;
  for (const TrackSource& source : sources_) tracks.push_back(source.description);
  if (same_tracks(tracks, announced_)) return;
  announced_ = tracks;
  outputs_.emplace_back(TracksKnown{std::move(tracks)});
}

bool IngestSession::pass_next() {
  const Lane* best = nullptr;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    if (is_text(i)) continue;
    if (lane.head && !lane.breaks && (best == nullptr || lane.passed < best->passed)) best = &lane;
  }
  if (best == nullptr) return false;
  if (!edge_) begin_timeline();
  pass(static_cast<std::size_t>(best - lanes_.data()));
  return true;
}

void IngestSession::begin_timeline() {
  const std::int64_t near = timeline_edge_.value_or(default_timeline_edge);
  std::optional<std::int64_t> start;
  for (const Lane& lane : lanes_) {
    if (!lane.head || lane.breaks || lane.head->object.media == nullptr) continue;
    for (const codecs::ElementaryStream& stream : lane.head->object.media->streams) {
      const std::int64_t first = first_time(stream, start.value_or(near));
      start = std::min(start.value_or(first), first);
    }
  }
  edge_ = start.value_or(near);
  outputs_.emplace_back(TimelineBegan{*edge_});
}

void IngestSession::pass(std::size_t playlist) {
  Lane& lane = lanes_[playlist];
  const OrderedSegment segment = std::move(*lane.head);
  lane.head.reset();
  lane.skipped = {};
  list_over_ = false;
  const codecs::MediaSegment& media = *segment.object.media;
  lane.layout.add(media);
  announce();
  sync_times_.clear();

  bool program_time = segment.program_date_time.has_value();
  for (const bool video : {true, false}) {
    for (const codecs::ElementaryStream& stream : media.streams) {
      if (is_video(stream) == video && pass_stream(playlist, stream, segment, program_time))
        program_time = false;
    }
  }
  remember_span(playlist, segment);
  SegmentOver over{.keys = {}, .media_sequence = segment.media_sequence};
  for (const TrackSource& source : sources_) {
    if (source.playlist == playlist) over.keys.push_back(source.description.key);
  }
  outputs_.emplace_back(std::move(over));

  ++lane.passed;
  const auto duration = static_cast<std::uint64_t>(std::max<std::int64_t>(1, segment.duration.count()));
  lane.bitrate = segment.object.size * 8 * 1'000'000 / duration;
  ++statistics_.segments;
  statistics_.last_segment = segment.object.path;
}

// False when the stream is no track.
bool IngestSession::pass_stream(std::size_t playlist, const codecs::ElementaryStream& stream,
                                const OrderedSegment& segment, bool with_program_time) {
  if (source_of(playlist, stream.id) == nullptr) {
    if (lanes_[playlist].layout.find(stream.id) == nullptr) statistics_.dropped_units += stream.units.size();
    return false;
  }
  if (!changes_config(stream)) {
    pass_units(playlist, stream, segment, with_program_time);
    return true;
  }
  for (const codecs::ElementaryStream& part : split_by_config(stream)) {
    lanes_[playlist].layout.set_config(part, 0);
    announce();
    pass_units(playlist, part, segment, std::exchange(with_program_time, false));
  }
  return true;
}

void IngestSession::pass_units(std::size_t playlist, const codecs::ElementaryStream& stream,
                               const OrderedSegment& segment, bool with_program_time) {
  Lane& lane = lanes_[playlist];
  const std::string& key = source_of(playlist, stream.id)->description.key;
  StreamClock& clock = lane.clocks[stream.id];
  const std::vector<TimedUnit> units = clock.time(stream, lane.layout.find(stream.id)->info, *edge_);
  edge_ = std::max(*edge_, *clock.edge_90k());
  statistics_.dropped_units += stream.units.size() - units.size();
  if (with_program_time) {
    outputs_.emplace_back(ProgramTimeKnown{key, units.front().start, *segment.program_date_time});
  }
  if (playlist == 0 && is_video(stream)) {
    for (const TimedUnit& unit : units) {
      if (unit.sync)
        sync_times_.push_back(
            rescale(unit.start, lane.layout.find(stream.id)->info.timescale, transport_timescale));
    }
  }
  pass_runs(playlist, stream, segment, units);
}

void IngestSession::pass_runs(std::size_t playlist, const codecs::ElementaryStream& stream,
                              const OrderedSegment& segment, const std::vector<TimedUnit>& units) {
  const Lane& lane = lanes_[playlist];
  const std::string& key = source_of(playlist, stream.id)->description.key;
  UnitRun run{.key = key, .data = stream.data, .units = {}, .ticket = segment.object.ticket};
  const std::uint32_t timescale = lane.layout.find(stream.id)->info.timescale;
  auto event = stream.events.begin();
  for (std::size_t i = 0; i < units.size(); ++i) {
    const TimedUnit& unit = units[i];
    if (is_video(stream) && unit.sync && !run.units.empty()) {
      outputs_.emplace_back(
          UnitRun{key, stream.data, std::exchange(run.units, {}), run.ticket, std::exchange(run.events, {})});
    }
    for (; event != stream.events.end() && event->unit <= i; ++event) {
      run.events.push_back({static_cast<std::uint32_t>(run.units.size()),
                            rescaled(event->message, stream.timescale, timescale)});
      ++statistics_.events;
    }
    run.units.push_back(unit);
  }
  outputs_.emplace_back(std::move(run));
}

bool IngestSession::end_list() {
  if (list_over_ || lanes_.empty()) return false;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!is_text(i) && (lanes_[i].head || !push_.ended(i))) return false;
  }
  list_over_ = true;
  outputs_.emplace_back(ListOver{});
  return true;
}

const TrackSource* IngestSession::source_of(std::size_t playlist, std::uint32_t id) const {
  const auto at = std::find_if(sources_.begin(), sources_.end(), [&](const TrackSource& source) {
    return source.playlist == playlist && source.id == id;
  });
  return at == sources_.end() ? nullptr : &*at;
}

IngestStatistics IngestSession::statistics() const {
  IngestStatistics statistics = statistics_;
  for (const Lane& lane : lanes_) statistics.bitrate += lane.bitrate;
  statistics.target_duration = push_.target_duration();
  return statistics;
}

}  // namespace tarn::ingest
