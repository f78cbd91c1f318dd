// SPDX-License-Identifier: Apache-2.0
#include "ingest/input_tracks.h"

#include <algorithm>
#include <utility>

namespace tarn::ingest {

using codecs::Kind;
using timeline::TrackDescription;

void InputTracks::add_pad(GstPad* pad) {
  tracks_.push_back(std::make_shared<Track>());
  tracks_.back()->pad = pad;
  gst_segment_init(&tracks_.back()->segment, GST_FORMAT_TIME);
  changed_ = true;
}

void InputTracks::remove_pad(GstPad* pad) {
  std::erase_if(tracks_, [pad](const TrackPtr& track) { return track->pad == pad; });
  changed_ = true;
}

void InputTracks::release_pad(const Context& context, GstPad* pad) {
  const auto track = find(pad);
  if (!track) return;
  // The end of all is told while the tracks are those that were announced.
  if (tracks_.size() > 1) end_of_pad(context, pad);
  if (keys_) std::erase(*keys_, track->description.key);
  remove_pad(pad);
}

InputTracks::TrackPtr InputTracks::find(GstPad* pad) const {
  const auto found = std::find_if(tracks_.begin(), tracks_.end(),
                                  [pad](const TrackPtr& track) { return track->pad == pad; });
  return found != tracks_.end() ? *found : nullptr;
}

// ---- what the tracks are

void InputTracks::set_caps(const Context& context, GstPad* pad, codecs::StreamInfo info) {
  const auto track = find(pad);
  if (!track || track->info == info) return;
  flush(context, track);
  track->gatherer.emplace(info);
  track->info = std::move(info);
  changed_ = true;
}

void InputTracks::set_segment(GstPad* pad, const GstSegment& segment) {
  if (const auto track = find(pad); track && segment.format == GST_FORMAT_TIME) track->segment = segment;
}

void InputTracks::announce_track(GstPad* pad, TrackDescription description) {
  const auto track = find(pad);
  if (!track) return;
  track->description = std::move(description);
  track->announced = true;
  changed_ = true;
}

void InputTracks::announce_keys(std::vector<std::string> keys) {
  keys_ = std::move(keys);
  changed_ = true;
}

// Pads of elements that send no tarn/track: v0, v1… and a0, a1… in the order of the pads.
void InputTracks::name_tracks() {
  std::uint32_t videos = 0;
  std::uint32_t audios = 0;
  std::uint32_t texts = 0;
  for (const auto& track : tracks_) {
    if (!track->info) continue;
    const Kind kind = codecs::kind_of(track->info->codec);
    const bool video = kind == Kind::video;
    const std::uint32_t number = video ? videos++ : kind == Kind::audio ? audios++ : texts++;
    if (track->announced) continue;
    track->description.key = (video ? "v" : kind == Kind::audio ? "a" : "t") + std::to_string(number);
    track->description.variants.clear();
    if (video)
      track->description.variants.push_back({.variant = number, .bandwidth = 0, .average_bandwidth = 0});
  }
  for (const auto& track : tracks_) {
    if (!track->info || track->announced || codecs::kind_of(track->info->codec) == Kind::video) continue;
    for (std::uint32_t i = 0; i < std::max(videos, 1U); ++i) {
      track->description.variants.push_back({.variant = i, .bandwidth = 0, .average_bandwidth = 0});
    }
  }
}

bool InputTracks::complete() const {
  if (keys_) {
    return std::all_of(keys_->begin(), keys_->end(), [this](const std::string& key) {
      return std::any_of(tracks_.begin(), tracks_.end(),
                         [&](const TrackPtr& t) { return t->info && t->description.key == key; });
    });
  }
  return std::all_of(tracks_.begin(), tracks_.end(),
                     [](const TrackPtr& t) { return t->info || t->ended || !gst_pad_is_linked(t->pad); });
}

std::vector<TrackDescription> InputTracks::descriptions() const {
  std::vector<TrackDescription> result;
  for (const auto& track : tracks_) {
    if (!track->info) continue;
    const auto& key = track->description.key;
    if (keys_ && std::find(keys_->begin(), keys_->end(), key) == keys_->end()) continue;
    result.push_back(track->description);
    result.back().info = *track->info;
  }
  return result;
}

void InputTracks::tell(const Context& context, Step step) {
  if (changed_) {
    name_tracks();
    if (!complete() && held_.size() < max_held) {
      held_.push_back(std::move(step));
      return;
    }
    changed_ = false;
    auto now_known = descriptions();
    if (told_ != now_known) {
      context.merger.set_tracks(input_, now_known);
      told_ = std::move(now_known);
    }
    for (const auto& held : std::exchange(held_, {})) held(context);
  }
  step(context);
}

// ---- what comes on them

gstkit::Ref<GstBuffer> InputTracks::timed(const Track& track, gstkit::Ref<GstBuffer> buffer) {
  if (track.announced) return buffer;
  const auto running = [&](GstClockTime time) -> GstClockTime {
    if (!GST_CLOCK_TIME_IS_VALID(time)) return time;
    guint64 value = 0;
    const int sign = gst_segment_to_running_time_full(&track.segment, GST_FORMAT_TIME, time, &value);
    if (sign == 0 || (sign < 0 && value > running_time_origin)) return GST_CLOCK_TIME_NONE;
    return sign > 0 ? running_time_origin + value : running_time_origin - value;
  };
  buffer = gstkit::writable(std::move(buffer));
  GST_BUFFER_DTS(buffer.get()) = running(GST_BUFFER_DTS(buffer.get()));
  GST_BUFFER_PTS(buffer.get()) = running(GST_BUFFER_PTS(buffer.get()));
  return buffer;
}

void InputTracks::give(const Context& context, const TrackPtr& track, std::optional<timeline::Unit> unit) {
  if (!unit) return;
  ended_ = false;
  tell(context, [this, track, unit = std::move(*unit)](const Context& c) {
    c.merger.add(input_, track->description.key, unit, c.now, c.now_utc);
  });
}

bool InputTracks::add(const Context& context, GstPad* pad, gstkit::Ref<GstBuffer> buffer) {
  const auto track = find(pad);
  if (!track || !track->gatherer) return false;
  give(context, track, track->gatherer->add(timed(*track, std::move(buffer))));
  return true;
}

bool InputTracks::add_list(const Context& context, GstPad* pad, GstBufferList* list) {
  const auto track = find(pad);
  if (!track || !track->gatherer) return false;
  if (track->gatherer->is_video() && track->announced) {
    flush(context, track);
    give(context, track, track->gatherer->add_gop(list));
    return true;
  }
  for (guint i = 0; i < gst_buffer_list_length(list); ++i) {
    auto buffer = gstkit::Ref<GstBuffer>::share(gst_buffer_list_get(list, i));
    give(context, track, track->gatherer->add(timed(*track, std::move(buffer))));
  }
  return true;
}

void InputTracks::flush(const Context& context, const TrackPtr& track) {
  if (track->gatherer) give(context, track, track->gatherer->flush());
}

void InputTracks::flush_all(const Context& context) {
  for (const auto& track : tracks_) flush(context, track);
}

void InputTracks::program_date_time(const Context& context, GstPad* pad, std::int64_t time, Utc utc) {
  const auto track = find(pad);
  if (!track) return;
  tell(context, [this, track, time, utc](const Context& c) {
    c.merger.set_program_date_time(input_, track->description.key, time, utc);
  });
}

void InputTracks::segment_end(const Context& context, GstPad* pad) {
  const auto track = find(pad);
  if (!track) return;
  flush(context, track);
  tell(context, [this, track](const Context& c) {
    c.merger.segment_end(input_, {track->description.key}, c.now, c.now_utc);
  });
}

void InputTracks::discontinuity(const Context& context, std::uint64_t session) {
  if (session_ == session) return;
  session_ = session;
  flush_all(context);
  tell(context, [this](const Context& c) { c.merger.discontinuity(input_, c.now); });
}

void InputTracks::end_of_list(const Context& context) {
  flush_all(context);
  if (std::exchange(ended_, true)) return;
  tell(context, [this](const Context& c) { c.merger.end_of_stream(input_, c.now, c.now_utc); });
}

void InputTracks::begin_of_pad(GstPad* pad) {
  if (const auto track = find(pad)) track->ended = false;
}

void InputTracks::end_of_pad(const Context& context, GstPad* pad) {
  const auto track = find(pad);
  if (!track || track->ended) return;
  flush(context, track);
  track->ended = true;
  if (!track->info) changed_ = true;  // nobody need wait for its caps any more
  if (all_pads_ended()) end_of_list(context);
}

bool InputTracks::all_pads_ended() const {
  return std::all_of(tracks_.begin(), tracks_.end(), [](const TrackPtr& track) { return track->ended; });
}

}  // namespace tarn::ingest
