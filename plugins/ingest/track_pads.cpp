// SPDX-License-Identifier: Apache-2.0
#include "ingest/track_pads.h"

#include <algorithm>
#include <utility>

#include "gstkit/caps.h"
#include "gstkit/event_messages.h"
#include "gstkit/events.h"
#include "gstkit/memory.h"
#include "gstkit/pads.h"
#include "gstkit/time.h"
#include "ingest/pad_kinds.h"
#include "ingest/track_stream.h"

GST_DEBUG_CATEGORY_EXTERN(hlsingestsrc_debug);
#define GST_CAT_DEFAULT hlsingestsrc_debug

namespace tarn::ingest {
namespace {

using gstkit::Ref;

// "v0" → "video_0"
std::string pad_name(const std::string& key) {
  return (key.front() == 'v' ? "video_" : key.front() == 't' ? "text_" : "audio_") + key.substr(1);
}

}  // namespace

GstFlowReturn TrackPads::carry_out(const Output& output) {
  return std::visit([this](const auto& what) { return take(what); }, output);
}

std::optional<std::int64_t> TrackPads::timeline_edge() const {
  for (const Track& track : tracks_) {
    if (const auto edge = gstkit::ask_timeline_edge(track.pad.get())) return edge;
  }
  return std::nullopt;
}

void TrackPads::end_of_stream() {
  for (const Track& track : tracks_) gst_pad_push_event(track.pad.get(), gst_event_new_eos());
}

void TrackPads::remove_all() {
  for (Track& track : tracks_) {
    gst_pad_set_active(track.pad.get(), FALSE);
    gst_element_remove_pad(element_, track.pad.get());
  }
  tracks_.clear();
  collection_ = {};
  group_.reset();
  position_ = edge_ = GST_CLOCK_TIME_NONE;
}

// ---- which tracks there are

TrackPads::Track* TrackPads::find(const std::string& key) {
  const auto at = std::find_if(tracks_.begin(), tracks_.end(),
                               [&](const Track& track) { return track.description.key == key; });
  return at == tracks_.end() ? nullptr : &*at;
}

GstFlowReturn TrackPads::take(const TracksKnown& known) {
  const bool first = tracks_.empty();
  const auto is_gone = [&](const Track& track) {
    return std::none_of(known.tracks.begin(), known.tracks.end(),
                        [&](const auto& description) { return description.key == track.description.key; });
  };
  for (Track& track : tracks_) {
    if (is_gone(track)) remove(track);
  }
  std::erase_if(tracks_, is_gone);
  for (const timeline::TrackDescription& description : known.tracks) {
    if (Track* const track = find(description.key)) {
      change(*track, description);
    } else {
      add(description);
    }
  }
  told_keys_.reset();
  collect();
  if (first) gst_element_no_more_pads(element_);
  return GST_FLOW_OK;
}

void TrackPads::add(const timeline::TrackDescription& description) {
  GstPadTemplate* const pad_template =
      gst_element_get_pad_template(element_, pad_template_of(description.info.codec));
  GstPad* const pad = gst_pad_new_from_template(pad_template, pad_name(description.key).c_str());
  const gstkit::TextPtr stream_id{gst_pad_create_stream_id(pad, element_, description.key.c_str())};
  tracks_.push_back({.pad = Ref<GstPad>::share(pad),
                     .stream = stream_of(stream_id.get(), description),
                     .description = description});
  gst_pad_use_fixed_caps(pad);
  gst_pad_set_element_private(pad, this);
  gst_pad_set_event_function(pad, gstkit::refuse_seeks);
  gst_pad_set_query_function(pad, [](GstPad* asked, GstObject* parent, GstQuery* query) {
    return static_cast<const TrackPads*>(gst_pad_get_element_private(asked))->answer(asked, parent, query);
  });
  gst_pad_set_active(pad, TRUE);
  if (!group_) group_ = gst_util_group_id_next();
  GstEvent* const start = gst_event_new_stream_start(stream_id.get());
  gst_event_set_group_id(start, *group_);
  gst_event_set_stream(start, tracks_.back().stream.get());
  gst_pad_push_event(pad, start);
  push_caps(tracks_.back());
  gst_element_add_pad(element_, pad);
}

void TrackPads::change(Track& track, const timeline::TrackDescription& description) {
  const bool other_caps = track.description.info != description.info;
  if (track.description == description) return;
  track.description = description;
  track.told = false;
  const auto tags = tags_of(description);
  gst_stream_set_tags(track.stream.get(), tags.get());
  if (other_caps) push_caps(track);
}

void TrackPads::remove(Track& track) {
  gst_pad_push_event(track.pad.get(), gst_event_new_eos());
  gst_pad_set_active(track.pad.get(), FALSE);
  gst_element_remove_pad(element_, track.pad.get());
}

void TrackPads::push_caps(const Track& track) {
  auto caps = gstkit::caps_of(track.description.info);
  if (!caps.ok()) {
    GST_WARNING_OBJECT(track.pad.get(), "%s", caps.error().message.c_str());
    return;
  }
  gst_pad_push_event(track.pad.get(), gst_event_new_caps(caps->get()));
}

gboolean TrackPads::answer(GstPad* pad, GstObject* parent, GstQuery* query) const {
  GstFormat format = GST_FORMAT_UNDEFINED;
  if (GST_QUERY_TYPE(query) == GST_QUERY_POSITION) {
    gst_query_parse_position(query, &format, nullptr);
    const GstClockTime position = position_;
    if (format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID(position)) return FALSE;
    gst_query_set_position(query, format, static_cast<gint64>(position));
    return TRUE;
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_SEEKING) {
    gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
    gst_query_set_seeking(query, format, FALSE, 0, -1);
    return TRUE;
  }
  return gst_pad_query_default(pad, parent, query);
}

void TrackPads::collect() {
  collection_ = Ref<GstStreamCollection>::adopt(gst_stream_collection_new(GST_OBJECT_NAME(element_)));
  for (Track& track : tracks_) {
    track.collected = false;
    gst_stream_collection_add_stream(collection_.get(), Ref<GstStream>{track.stream}.release());
  }
  gst_element_post_message(element_,
                           gst_message_new_stream_collection(GST_OBJECT_CAST(element_), collection_.get()));
}

void TrackPads::announce() {
  for (Track& track : tracks_) {
    GstPad* const pad = track.pad.get();
    if (std::exchange(track.begins, false)) gst_pad_push_event(pad, gst_event_new_segment(&segment_));
    if (!std::exchange(track.collected, true)) {
      gst_pad_push_event(pad, gst_event_new_stream_collection(collection_.get()));
    }
    if (!std::exchange(track.told, true)) {
      gst_pad_push_event(pad, gst_event_new_tag(tags_of(track.description).release()));
      gst_pad_push_event(pad, gstkit::to_event(gstkit::TrackAnnounced{track.description}).release());
    }
  }
  // Who merges inputs waits for every track that is named here.
  const auto is_linked = [](const Track& track) { return gst_pad_is_linked(track.pad.get()) != FALSE; };
  const auto linked = static_cast<std::size_t>(std::count_if(tracks_.begin(), tracks_.end(), is_linked));
  if (told_keys_ == linked) return;
  told_keys_ = linked;
  gstkit::TracksAnnounced announced;
  for (const Track& track : tracks_) {
    if (is_linked(track)) announced.keys.push_back(track.description.key);
  }
  push_event_everywhere(gstkit::to_event(announced));
}

// ---- what is said about them

GstFlowReturn TrackPads::take(const SessionBegan& began) {
  for (Track& track : tracks_) track.begins = track.discont = true;
  return push_event_everywhere(gstkit::to_event(gstkit::Discontinuity{.session = began.session}));
}

// Running time goes on where the last session ended, wherever the new timestamps are. Stream time is the
// same: it begins with 0, while timestamps begin beyond the first 2^33 ticks, so that none is ever negative.
GstFlowReturn TrackPads::take(const TimelineBegan& began) {
  const bool is_first = !GST_CLOCK_TIME_IS_VALID(edge_);
  const GstClockTime base = is_first ? 0 : gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, edge_);
  const GstClockTime start = gstkit::to_clock_time(began.start, transport_timescale);
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  segment_.start = segment_.position = start;
  segment_.base = segment_.time = GST_CLOCK_TIME_IS_VALID(base) ? base : 0;
  edge_ = start;
  announce();
  return GST_FLOW_OK;
}

GstFlowReturn TrackPads::take(const ProgramTimeKnown& known) {
  Track* const track = find(known.key);
  if (track == nullptr) return GST_FLOW_OK;
  announce();
  gst_pad_push_event(
      track->pad.get(),
      gstkit::to_event(gstkit::ProgramDateTime{.time = known.time, .utc = known.utc}).release());
  return GST_FLOW_OK;
}

GstFlowReturn TrackPads::take(const UnitRun& run) {
  Track* const track = find(run.key);
  if (track == nullptr || run.units.empty()) return GST_FLOW_OK;
  announce();
  track->flow = gst_pad_push_list(track->pad.get(), buffers_of(*track, run).release());
  return combined(track->flow);
}

// Nobody listening to one track must not stop the others.
GstFlowReturn TrackPads::combined(GstFlowReturn flow) const {
  if (flow != GST_FLOW_NOT_LINKED) return flow;
  const bool any = std::any_of(tracks_.begin(), tracks_.end(), [](const Track& track) {
    return track.flow != GST_FLOW_NOT_LINKED && gst_pad_is_linked(track.pad.get()) != FALSE;
  });
  return any ? GST_FLOW_OK : GST_FLOW_NOT_LINKED;
}

// All buffers of a run are ranges of one memory, which is the demuxer's.
Ref<GstBufferList> TrackPads::buffers_of(Track& track, const UnitRun& run) {
  const std::uint32_t timescale = track.description.info.timescale;
  const bool is_video = codecs::kind_of(track.description.info.codec) == codecs::Kind::video;
  const std::uint32_t begin = run.units.front().offset;
  const std::uint32_t end = run.units.back().offset + run.units.back().size;
  const auto whole = gstkit::memory_of(run.data.slice(begin, end - begin));
  auto list = Ref<GstBufferList>::adopt(gst_buffer_list_new_sized(static_cast<guint>(run.units.size())));
  auto event = run.events.begin();
  for (std::size_t i = 0; i < run.units.size(); ++i) {
    const TimedUnit& unit = run.units[i];
    Ref<GstBuffer> buffer = gstkit::buffer_of_range(whole.get(), unit.offset - begin, unit.size);
    GST_BUFFER_DTS(buffer.get()) = gstkit::to_clock_time(unit.start, timescale);
    GST_BUFFER_PTS(buffer.get()) = gstkit::to_clock_time(unit.pts, timescale);
    GST_BUFFER_DURATION(buffer.get()) = gstkit::to_clock_time(unit.duration, timescale);
    if (is_video && !unit.sync) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (std::exchange(track.discont, false)) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    if (run.ticket) gstkit::keep_with_buffer(buffer.get(), run.ticket);
    std::vector<codecs::EventMessage> said;
    for (; event != run.events.end() && event->unit <= i; ++event) said.push_back(event->message);
    gstkit::attach_events(buffer.get(), said);
    gst_buffer_list_add(list.get(), buffer.release());
  }
  const TimedUnit& last = run.units.back();
  edge_ = std::max(edge_, gstkit::to_clock_time(last.start + last.duration, timescale));
  position_ = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, edge_);
  return list;
}

// The end of a segment is what publishes its content downstream: where that fails, so does the segment.
GstFlowReturn TrackPads::take(const SegmentOver& over) {
  const auto event = gstkit::to_event(gstkit::SegmentEnd{.media_sequence = over.media_sequence});
  bool taken = true;
  for (const std::string& key : over.keys) {
    Track* const track = find(key);
    if (track == nullptr || !gst_pad_is_linked(track->pad.get())) continue;
    if (!gst_pad_push_event(track->pad.get(), Ref<GstEvent>{event}.release())) taken = false;
  }
  return taken ? GST_FLOW_OK : GST_FLOW_ERROR;
}

GstFlowReturn TrackPads::take(const ListOver& /*over*/) {
  return push_event_everywhere(gstkit::to_event(gstkit::EndOfList{}));
}

GstFlowReturn TrackPads::push_event_everywhere(const Ref<GstEvent>& event) {
  for (const Track& track : tracks_) gst_pad_push_event(track.pad.get(), Ref<GstEvent>{event}.release());
  return GST_FLOW_OK;
}

}  // namespace tarn::ingest
