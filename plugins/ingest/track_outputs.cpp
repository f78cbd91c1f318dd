// SPDX-License-Identifier: Apache-2.0
#include "ingest/track_outputs.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/pads.h"
#include "gstkit/time.h"
#include "ingest/leading_pictures.h"
#include "ingest/pad_kinds.h"
#include "ingest/track_stream.h"
#include "ingest/unit_gatherer.h"

namespace tarn::ingest {

using gstkit::Ref;
using timeline::TrackId;

namespace {

GstClockTime moved(GstClockTime time, std::int64_t ticks, std::uint32_t timescale) {
  return GST_CLOCK_TIME_IS_VALID(time)
             ? gstkit::to_clock_time(gstkit::to_ticks(time, timescale) + ticks, timescale)
             : time;
}

}  // namespace

// The buffers of a part with the times that the merger gave them: it moves an input that differs by a few
// ticks onto the timeline, so that the other one's content continues exactly.
Ref<GstBufferList> TrackOutputs::buffers_of(const Output& output, const timeline::PartDecided& part) {
  const bool video = codecs::kind_of(output.info.codec) == codecs::Kind::video;
  auto list = Ref<GstBufferList>::adopt(gst_buffer_list_new());
  std::int64_t position = part.start;
  std::int64_t shift = 0;
  auto detached = part.detached.begin();
  for (std::size_t i = 0; i < part.payloads.size(); ++i) {
    const auto& payload = *static_cast<const UnitPayload*>(part.payloads[i].get());
    const std::int64_t miss = payload.start + shift - position;
    // Audio of a part is contiguous; a GOP of the same input keeps its distance to the one before.
    if (i == 0 || (!video && miss <= payload.duration / 2 && miss >= -payload.duration / 2)) shift -= miss;
    std::vector<Ref<GstBuffer>> buffers = payload.buffers;
    if (detached != part.detached.end() && detached->payload == i) {
      dropped_.at(detached->input) += detach_gop(buffers, output.info);
      ++detached;
    }
    for (auto& buffer : buffers) {
      Ref<GstBuffer> out = std::move(buffer);
      if (shift != 0) {
        out = gstkit::writable(std::move(out));
        GST_BUFFER_DTS(out.get()) = moved(GST_BUFFER_DTS(out.get()), shift, payload.timescale);
        GST_BUFFER_PTS(out.get()) = moved(GST_BUFFER_PTS(out.get()), shift, payload.timescale);
      }
      gst_buffer_list_add(list.get(), out.release());
    }
    position = payload.start + shift + payload.duration;
  }
  return list;
}

std::string TrackOutputs::pad_name(const timeline::Track& track) const {
  const std::string_view pattern = pad_template_of(track.description.info.codec);
  const std::string prefix{pattern.substr(0, pattern.find('%'))};
  const auto taken = [this](const std::string& name) {
    return std::any_of(outputs_.begin(), outputs_.end(), [&](const auto& entry) {
      return entry.second.pad != nullptr && name == GST_PAD_NAME(entry.second.pad);
    });
  };
  const std::string& key = track.description.key;
  const auto number = key.empty() ? std::nullopt : parse_u64(std::string_view{key}.substr(1));
  std::uint64_t candidate = number.value_or(0);
  while (taken(prefix + std::to_string(candidate))) ++candidate;
  return prefix + std::to_string(candidate);
}

TrackOutputs::Output& TrackOutputs::output(const timeline::Track& track) {
  Output& output = outputs_[track.id];
  if (output.pad != nullptr) return output;
  const codecs::Codec codec = track.description.info.codec;
  GstPadTemplate* pad_template = gst_element_get_pad_template(element_, pad_template_of(codec));
  output.pad = gst_pad_new_from_template(pad_template, pad_name(track).c_str());
  gst_pad_use_fixed_caps(output.pad);
  gst_pad_set_event_function(output.pad, gstkit::refuse_seeks);
  gst_pad_set_active(output.pad, TRUE);
  gst_element_add_pad(element_, output.pad);

  // gst_pad_create_stream_id() serves elements with one input only.
  const std::string stream_id = "ingestselector/" + track.description.key;
  output.stream = stream_of(stream_id.c_str(), track.description);
  GstEvent* start = gst_event_new_stream_start(stream_id.c_str());
  gst_event_set_stream(start, output.stream.get());
  if (group_ == 0) group_ = gst_util_group_id_next();
  gst_event_set_group_id(start, group_);
  gst_pad_push_event(output.pad, start);
  return output;
}

// Caps, segment and description of the track, as far as they are not yet downstream.
bool TrackOutputs::describe(const timeline::Track& track) {
  Output& output = this->output(track);
  output.info = track.description.info;
  auto caps = gstkit::caps_of(track.description.info);
  if (!caps) {
    gstkit::post_error(element_, caps.error());
    return false;
  }
  const bool first = !output.caps;
  if (first || !gst_caps_is_equal(output.caps.get(), caps->get())) {
    output.caps = std::move(*caps);
    gst_pad_push_event(output.pad, gst_event_new_caps(output.caps.get()));
  }
  if (first) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(output.pad, gst_event_new_segment(&segment));
  }
  auto tags = tags_of(track.description);
  gst_stream_set_tags(output.stream.get(), tags.get());
  gst_pad_push_event(output.pad, gst_event_new_tag(tags.release()));
  gst_pad_push_event(output.pad, to_event(gstkit::TrackAnnounced{track.description}).release());
  return true;
}

void TrackOutputs::collect(const timeline::Stretch& stretch) {
  std::vector<TrackId> ids;
  for (const auto& track : stretch.tracks) ids.push_back(track.id);
  if (std::exchange(collected_, ids) == ids) return;
  const auto collection =
      Ref<GstStreamCollection>::adopt(gst_stream_collection_new(GST_OBJECT_NAME(element_)));
  for (const TrackId id : ids) {
    gst_stream_collection_add_stream(collection.get(), Ref<GstStream>{outputs_[id].stream}.release());
  }
  gst_element_post_message(element_,
                           gst_message_new_stream_collection(GST_OBJECT_CAST(element_), collection.get()));
  for (const TrackId id : ids) {
    gst_pad_push_event(outputs_[id].pad, gst_event_new_stream_collection(collection.get()));
  }
}

GstFlowReturn TrackOutputs::begin(const timeline::StretchStarted& started) {
  continued_.reset();
  const timeline::Stretch& stretch = started.stretch;
  gstkit::StretchBegin event{.id = stretch.id,
                             .first_slot = stretch.first_slot,
                             .start_utc = stretch.start,
                             .start_time = stretch.start_time,
                             .reference = stretch.reference,
                             .tracks = {},
                             .keys = {},
                             .reason = started.reason};
  reference_ = stretch.reference;
  for (const auto& track : stretch.tracks) {
    if (!describe(track)) return GST_FLOW_ERROR;
    event.tracks.push_back(track.id);
    event.keys.push_back(track.description.key);
  }
  collect(stretch);
  if (!std::exchange(complete_, true)) gst_element_no_more_pads(element_);
  GstFlowReturn worst = GST_FLOW_OK;
  for (const auto& track : stretch.tracks) {
    const GstFlowReturn flow = push_event(track.id, to_event(event));
    if (flow != GST_FLOW_OK) worst = flow;
  }
  return worst;
}

GstFlowReturn TrackOutputs::announce_continued() {
  if (!continued_) return GST_FLOW_OK;
  return begin({.stretch = *std::exchange(continued_, std::nullopt), .reason = "continued"});
}

GstFlowReturn TrackOutputs::push(const timeline::PartDecided& part, bool late) {
  if (const auto flow = announce_continued(); flow != GST_FLOW_OK) return flow;
  const auto found = outputs_.find(part.track);
  if (found == outputs_.end()) return GST_FLOW_OK;
  const GstFlowReturn flow =
      push_event(part.track, to_event(gstkit::PartBegin{.slot = part.slot,
                                                        .track = part.track,
                                                        .start = part.start,
                                                        .independent = part.independent,
                                                        .input = part.input,
                                                        .late = late}));
  if (flow != GST_FLOW_OK) return flow;
  GstPad* pad = found->second.pad;
  return combined(gst_pad_push_list(pad, buffers_of(found->second, part).release()));
}

GstFlowReturn TrackOutputs::list(const timeline::SlotListed& slot) {
  if (const auto flow = announce_continued(); flow != GST_FLOW_OK) return flow;
  return push_event(reference_, to_event(gstkit::SlotComplete{slot}));
}

GstFlowReturn TrackOutputs::stream_ended() { return push_event(reference_, to_event(gstkit::StreamEnded{})); }

void TrackOutputs::end_of_stream() {
  for (const auto& [id, output] : outputs_) gst_pad_push_event(output.pad, gst_event_new_eos());
}

void TrackOutputs::remove_all() {
  for (auto& [id, output] : std::exchange(outputs_, {})) gst_element_remove_pad(element_, output.pad);
  continued_.reset();
  collected_.clear();
  complete_ = false;
  group_ = 0;
  reference_ = 0;
}

// An event that fails is an error of whoever handles it: the sink posted it, and the pusher learns it here.
GstFlowReturn TrackOutputs::push_event(TrackId track, Ref<GstEvent> event) {
  const auto found = outputs_.find(track);
  if (found == outputs_.end()) return GST_FLOW_OK;
  GstPad* pad = found->second.pad;
  if (gst_pad_push_event(pad, event.release())) return GST_FLOW_OK;
  if (!gst_pad_is_linked(pad)) return combined(GST_FLOW_NOT_LINKED);
  return GST_PAD_IS_FLUSHING(pad) ? GST_FLOW_FLUSHING : GST_FLOW_ERROR;
}

// A track that nobody takes is no failure as long as somebody takes another.
GstFlowReturn TrackOutputs::combined(GstFlowReturn flow) const {
  if (flow != GST_FLOW_NOT_LINKED) return flow;
  const bool any = std::any_of(outputs_.begin(), outputs_.end(), [](const auto& entry) {
    return gst_pad_is_linked(entry.second.pad) != FALSE;
  });
  return any ? GST_FLOW_OK : GST_FLOW_NOT_LINKED;
}

}  // namespace tarn::ingest
