// SPDX-License-Identifier: Apache-2.0
// Of ManifestMux: from buffers to the builder, and from there to the files.
#include <utility>

#include "core/base/text.h"
#include "core/base/time.h"
#include "core/isobmff/cmaf.h"
#include "gstkit/error.h"
#include "gstkit/memory.h"
#include "gstkit/time.h"
#include "manifest/directory.h"
#include "manifest/manifest_mux.h"

namespace tarn::manifest {

GstFlowReturn ManifestMux::chain(GstPad* pad, GstBuffer* raw) {
  const auto buffer = Ref<GstBuffer>::adopt(raw);
  if (GST_BUFFER_FLAG_IS_SET(raw, GST_BUFFER_FLAG_HEADER)) return GST_FLOW_OK;
  std::optional<Error> failure;
  std::vector<News> news;
  const auto reading = read_clock();
  {
    std::unique_lock lock{mutex_};
    note_due(reading);
    Input* const input = wait_for_others(pad, lock);
    if (stopped_ || input == nullptr || input->flushing) return GST_FLOW_FLUSHING;
    if (!failure_) return GST_FLOW_ERROR;  // said by whoever met it
    failure = first_failure(take_buffer(*input, raw));
    news = take_news();
    changed_.notify_all();
  }
  tell(news);
  return failure ? gstkit::post_error(element_, *failure) : GST_FLOW_OK;
}

Status ManifestMux::take_buffer(Input& input, GstBuffer* buffer) {
  Held chunk = TRY(input.ts ? read_transport(*input.ts, buffer) : read_chunk(buffer));
  if (!input.is_known()) return malformed("a chunk before its caps");
  if (input.ts && chunk.shares.empty()) return {};  // of tracks that are left out
  if (const auto running = running_time(input, GST_BUFFER_PTS(buffer)))
    input.offset = rescale(chunk.start, timescale_of(input), 1'000'000'000) - *running;
  TRY(take(input, std::move(chunk)));
  TRY(begin_when_ready());
  return write();
}

std::optional<std::int64_t> ManifestMux::running_time(const Input& input, GstClockTime time) {
  if (!GST_CLOCK_TIME_IS_VALID(time) || input.segment.format != GST_FORMAT_TIME) return std::nullopt;
  guint64 value = 0;
  const int sign = gst_segment_to_running_time_full(&input.segment, GST_FORMAT_TIME, time, &value);
  if (sign == 0) return std::nullopt;
  return sign < 0 ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

// The first memory is what is in front of the payload where cmafpackager made it; other muxers' chunks are
// read whole.
Result<ManifestMux::Held> ManifestMux::read_chunk(GstBuffer* buffer) {
  Held held;
  held.parts = TRY(gstkit::blobs_of(buffer));
  if (held.parts.empty()) return malformed("an empty buffer is no chunk");
  auto parsed = isobmff::parse_chunk_front(held.parts.front().bytes(), gst_buffer_get_size(buffer));
  if (!parsed) {
    ByteVector whole;
    for (const Blob& part : held.parts) whole.insert(whole.end(), part.bytes().begin(), part.bytes().end());
    parsed = isobmff::parse_chunks(whole);
  }
  if (!parsed) return std::move(parsed).error();
  if (parsed->samples.empty()) return malformed("a chunk without samples");
  held.start = parsed->samples.front().dts;
  held.duration = parsed->samples.back().dts + parsed->samples.back().duration - held.start;
  held.independent = parsed->samples.front().sync;
  return held;
}

// A whole TS segment.
Result<ManifestMux::Held> ManifestMux::read_transport(TsReader& reader, GstBuffer* buffer) {
  const auto memory = Ref<GstMemory>::adopt(gst_buffer_get_all_memory(buffer));
  Held held;
  held.parts.push_back(TRY(gstkit::blob_of(memory.get())));
  std::optional<std::int64_t> duration;
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) duration = gstkit::to_ticks(GST_BUFFER_DURATION(buffer), 90'000);
  held.told = duration;
  auto segment = TRY(reader.read(held.parts.front().bytes(), duration));
  if (segment.shares.empty()) return held;
  held.start = segment.shares.front().start;
  held.duration = segment.shares.front().duration;
  held.shares = std::move(segment.shares);
  held.independent = segment.independent;
  held.has_changed = segment.has_changed;
  return held;
}

// Nobody waits for what does not come.
Status ManifestMux::take_gap(Input& input, GstEvent* event) {
  GstClockTime time = GST_CLOCK_TIME_NONE;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  gst_event_parse_gap(event, &time, &duration);
  // Before its first chunk a pad has the times of the others.
  auto offset = input.offset;
  for (const Input& other : inputs_) {
    if (!offset) offset = other.offset;
  }
  if (!begun_ || input.left_out || !offset || !GST_CLOCK_TIME_IS_VALID(time)) return {};
  if (GST_CLOCK_TIME_IS_VALID(duration)) time += duration;
  const auto running = running_time(input, time);
  if (!running) return {};
  const std::int64_t end = *running + *offset;
  TRY(builder_->advance_track(input.track, rescale(end, 1'000'000'000, timescale_of(input)), now()));
  return write();
}

// What a pad carries is settled by its first caps; its parameters may become others.
Status ManifestMux::take_caps(Input& input, const GstCaps* caps) {
  if (gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/mpegts") != FALSE) {
    if (input.cmaf) return unsupported("a pad's CMAF becomes a transport stream");
    if (!input.ts) input.ts.emplace();
    return {};
  }
  if (input.ts) return unsupported("a pad's transport stream becomes CMAF");
  auto track = TRY(gstkit::cmaf_track_of(caps));
  const bool is_change = input.cmaf && as_text(track.header.bytes()) != as_text(input.cmaf->header.bytes());
  if (is_change && !begun_ && !input.held.empty())
    return unsupported("a track's parameters change before the first segment");
  input.cmaf = std::move(track);
  if (!is_change || input.track == 0) return {};
  return builder_->change_input(input.track, {input.cmaf->info}, input.cmaf->header);
}

// Something else is there, and this pad, or a track that it announces, is not for longer than it can be
// waited for: of live streams what is due, of a transport stream as much as may be held.
bool ManifestMux::may_begin_without(const Input& input) const {
  const std::int64_t segment = std::int64_t{settings_.segment_duration} * GST_SECOND;
  for (const Input& other : inputs_) {
    if (other.held.empty() || !other.is_known()) continue;
    const auto time = [&](std::int64_t ticks) { return rescale(ticks, timescale_of(other), 1'000'000'000); };
    const std::int64_t begin = time(other.held.front().start);
    const std::int64_t end = time(other.held.back().start + other.held.back().duration);
    if (&other == &input && end - begin >= builder_->most_held(GST_SECOND)) return true;
    if (!reading_ || !other.offset) continue;
    const gstkit::LiveClock::Reading media{reading_->now + *other.offset, reading_->allowance};
    if (begin + segment <= *media.due(end)) return true;
  }
  return false;
}

// Once every pad has its caps, and of transport streams all that they announce, all tracks are known.
Status ManifestMux::begin_when_ready() {
  if (begun_) return {};
  for (const Input& input : inputs_) {
    if (!input.is_complete() && !input.ended && !may_begin_without(input)) return {};
  }
  begun_ = true;
  for (Input& input : inputs_) {
    input.left_out = !input.is_known();
    if (input.left_out) continue;
    if (input.ts) input.ts->settle();
    TRY(add_track(input));
  }
  for (Input& input : inputs_) {
    for (Held& chunk : std::exchange(input.held, {})) {
      if (input.ts) {
        auto segment = TRY(input.ts->read(chunk.parts.front().bytes(), chunk.told));
        chunk.shares = std::move(segment.shares);
        chunk.has_changed = segment.has_changed;
      }
      TRY(take(input, std::move(chunk)));
    }
    if (input.ended && input.track != 0) TRY(builder_->end_track(input.track, now()));
  }
  return {};
}

Status ManifestMux::add_track(Input& input) {
  if (input.ts) {
    input.track = TRY(builder_->add_multiplex(input.ts->tracks()));
    return {};
  }
  timeline::TrackDescription description = input.description.value_or(timeline::TrackDescription{});
  description.key.clear();
  description.info = input.cmaf->info;
  if (description.language.empty()) description.language = input.cmaf->language;
  input.track = TRY(builder_->add_track(std::move(description), input.cmaf->header));
  return {};
}

Status ManifestMux::take(Input& input, Held chunk) {
  if (!begun_) {
    input.held.push_back(std::move(chunk));
    return {};
  }
  if (input.left_out) return {};
  if (input.track == 0) return malformed("a chunk before its caps");
  if (chunk.has_changed) TRY(change_tracks(input));
  if (builder_->is_too_long(input.track, chunk.duration)) input.has_long_chunks = true;
  if (input.ts) {
    return builder_->add_multiplexed(input.track, std::move(chunk.shares), chunk.independent,
                                     std::move(chunk.parts), now());
  }
  return builder_->add_chunk(input.track, chunk.start, chunk.duration, chunk.independent,
                             std::move(chunk.parts), now());
}

// Of a transport stream.
Status ManifestMux::change_tracks(const Input& input) {
  std::vector<codecs::StreamInfo> infos;
  for (const timeline::TrackDescription& track : input.ts->tracks()) infos.push_back(track.info);
  return builder_->change_input(input.track, infos, {});
}

Status ManifestMux::write() {
  const std::vector<FileAction> actions = builder_->take();
  for (const auto& server : servers_) server->put(actions);
  return directory_.empty() ? Status{} : carry_out(directory_, actions);
}

}  // namespace tarn::manifest
