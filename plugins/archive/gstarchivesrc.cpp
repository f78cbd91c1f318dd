// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-archivesrc
 * @title: archivesrc
 *
 * Reads a channel's archive, one range at a time.
 *
 * | pad | caps |
 * |---|---|
 * | src (always) | `video/quicktime, variant=cmaf` |
 *
 * With the `tracks` property empty the element waits: the action signal `package` takes a #GstStructure with
 * the fields `tracks` (array of uint), `first-slot` (uint64), `slot-count` (uint) and `segment-type`
 * (boolean, optional), or `init-track` and `init-config` (uint) for a CMAF header, and pushes the answer
 * downstream before it returns: the event `tarn/segment-begin`, per track `tarn/track-begin` and a buffer
 * list with one buffer a chunk, and `tarn/segment-end`. The caller's thread is the streaming thread; the
 * signal's #GstFlowReturn is what downstream said. A track that has nothing in a slot has no buffer there.
 *
 * With `tracks` set the element plays these tracks of the whole archive by itself, slot by slot, and ends
 * with EOS. A single track begins with its CMAF header, so that the result is a playable file, and has caps
 * that describe it, so that a manifest sink takes it. Stream time begins with 0 at the first slot; what comes
 * after an outage or a discontinuity follows without a gap, in a segment of its own. Position and duration
 * are those of the range that was there at the start. An EOS that the application sends (`gst-launch-1.0 -e`)
 * ends it behind the slot that is being pushed.
 *
 * It can be sought, forward and in time, with `start` of type SET. The segment begins and ends exactly where
 * the seek says; data begins with the key frame that is needed for that, its header first, and what lies in
 * front of the segment is decoded and not shown. With GST_SEEK_FLAG_KEY_UNIT the segment begins with a slot
 * (a GOP) instead: the one in which the position lies, or what GST_SEEK_FLAG_SNAP_AFTER and SNAP_NEAREST
 * choose; behind the last slot there is none to snap to. A rate is written into the segment and changes
 * nothing else. GST_SEEK_FLAG_SEGMENT ends with segment-done at `stop` instead of EOS. A seek before PAUSED,
 * sent to the element, is where it starts. Not taken: rates below 0, GST_SEEK_FLAG_INSTANT_RATE_CHANGE, other
 * formats.
 *
 * A `location` at which there is no archive fails the start, and a track that the range does not have is an
 * element error.
 *
 * |[
 * gst-launch-1.0 archivesrc location=archive tracks=1 ! filesink location=video.mp4
 * ]|
 */
#include "archive/gstarchivesrc.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "archive/archive_playback.h"
#include "archive/archive_range.h"
#include "archive/package_request.h"
#include "archive/producer_time.h"
#include "core/archive/archive.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/event_message.h"
#include "core/timeline/output_span.h"
#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/events.h"
#include "gstkit/lock.h"
#include "gstkit/memory.h"
#include "gstkit/object.h"
#include "gstkit/properties.h"
#include "gstkit/time.h"

GST_DEBUG_CATEGORY_STATIC(archivesrc_debug);
#define GST_CAT_DEFAULT archivesrc_debug

namespace tarn {
namespace {

using gstkit::Property;
using gstkit::Ref;
using gstkit::When;
using timeline::TrackId;

GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(gstkit::cmaf_caps_template));

class ArchiveSrc {
 public:
  using Shell = TarnArchiveSrc;

  struct Settings {
    std::string location;
    std::string tracks;
    std::uint64_t first_slot = 0;
    std::uint32_t slot_count = 0;
  };
  gstkit::Guarded<Settings> settings;

  static constexpr std::array properties{
      Property<ArchiveSrc>{.name = "location",
                           .blurb = "Directory of the archive",
                           .member = &Settings::location,
                           .when = When::ready},
      Property<ArchiveSrc>{
          .name = "tracks",
          .blurb =
              "Ids of the tracks to play without being asked, such as \"1,2\"; empty: wait for `package`",
          .member = &Settings::tracks,
          .when = When::ready},
      Property<ArchiveSrc>{.name = "first-slot",
                           .blurb = "First slot to play without being asked; 0: the oldest",
                           .member = &Settings::first_slot,
                           .when = When::ready},
      Property<ArchiveSrc>{
          .name = "slot-count",
          .blurb = "How many slots to play without being asked; 0: all that are there at the start",
          .member = &Settings::slot_count,
          .when = When::ready},
  };

  explicit ArchiveSrc(TarnArchiveSrc* shell);

  GstStateChangeReturn change_state(GstStateChange transition);
  bool activate_push(bool active);
  gboolean send_event(GstEvent* event);
  GstFlowReturn package(const GstStructure* asked);
  bool src_event(GstPad* pad, GstEvent* event);
  bool src_query(GstPad* pad, GstQuery* query);

 private:
  // What is played without being asked.
  struct Playing {
    ArchivePlayback playback;
    std::optional<std::uint32_t> config{};   // of the header that was pushed
    std::optional<std::uint32_t> stretch{};  // of the segment that was pushed
  };
  // Everything that lasts from READY to PAUSED and back; used under the source pad's stream lock.
  struct State {
    std::shared_ptr<archive::Archive> archive;
    bool announced = false;  // stream-start and caps have been sent, and a segment unless it plays
    std::map<std::pair<TrackId, std::uint32_t>, Ref<GstCaps>> caps;
    std::optional<Playing> playing;
  };
  // For queries.
  struct Where {
    std::optional<ArchiveRange> range;
    GstSegment segment{};  // of stream time; `position` is where the next slot begins
  };

  Status open();
  // `caps`: of the one track that is played; without, tarn/track-begin has those of each.
  void announce(Ref<GstCaps> caps = {});
  GstFlowReturn answer(const PackageRequest& request);
  GstFlowReturn push_header(const PackageRequest::Header& header);
  GstFlowReturn push_slots(const PackageRequest& request);
  GstFlowReturn push_track(const timeline::Timeline& timeline, const PackageRequest& request, TrackId track);
  Result<Ref<GstCaps>> caps_of(const timeline::Track& track);
  static Ref<GstBuffer> buffer_of(const timeline::Chunk& chunk, std::vector<Blob> parts,
                                  std::uint32_t timescale);
  Result<Ref<GstBuffer>> header_buffer(const PackageRequest::Header& header);
  Result<Playing> prepare_to_play();
  void play();
  GstFlowReturn play_slot(Playing& playing);
  void push_segment(const Playing& playing);
  void end_playing(Playing& playing, guint32 end_seqnum);
  GstClockTime lead_of(const ArchivePlayback& playback, std::uint64_t slot);
  bool seek(GstEvent* event);
  [[nodiscard]] bool plays_by_itself() const {
    return settings.with([](const Settings& s) { return !s.tracks.empty(); });
  }
  void push(GstEvent* event, const std::optional<guint32>& seqnum);
  GstFlowReturn fail(const Error& error) { return gstkit::post_error(element(), error); }

  GstElement* element() { return GST_ELEMENT(shell_); }

  TarnArchiveSrc* shell_;
  GstPad* src_ = nullptr;  // owned by the element
  State state_;
  gstkit::Guarded<Where> where_;
  std::atomic<guint32> end_seqnum_ = GST_SEQNUM_INVALID;  // of an EOS that the application sent
  gstkit::Guarded<Ref<GstEvent>> seek_at_start_;          // that came before there was anything to seek in
};

}  // namespace
}  // namespace tarn

struct _TarnArchiveSrc {
  GstElement parent;
  tarn::ArchiveSrc* impl;
};

G_DEFINE_FINAL_TYPE(TarnArchiveSrc, tarn_archive_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(archivesrc, "archivesrc", GST_RANK_NONE, TARN_TYPE_ARCHIVE_SRC)

namespace tarn {
namespace {

gboolean activate_mode(GstPad* /*pad*/, GstObject* parent, GstPadMode mode, gboolean active) {
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  return TARN_ARCHIVE_SRC(parent)->impl->activate_push(active != FALSE) ? TRUE : FALSE;
}

ArchiveSrc::ArchiveSrc(TarnArchiveSrc* shell) : shell_(shell) {
  src_ = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_activatemode_function(src_, activate_mode);
  gst_pad_set_event_function(src_, gstkit::pad_thunk<&ArchiveSrc::src_event>);
  gst_pad_set_query_function(src_, gstkit::pad_thunk<&ArchiveSrc::src_query>);
  gst_element_add_pad(element(), src_);
  GST_OBJECT_FLAG_SET(shell_, GST_ELEMENT_FLAG_SOURCE);
}

Status ArchiveSrc::open() {
  const std::string location = settings.with([](const Settings& s) { return s.location; });
  if (location.empty()) return Error{ErrorCode::invalid, "archivesrc: no location is set"};
  std::error_code failed;  // of which nothing is known is not there
  if (!std::filesystem::exists(location + "/format", failed))
    return not_found("archivesrc: there is no archive at " + location);
  state_.archive = TRY(archive::Archive::open(location));
  return {};
}

GstStateChangeReturn ArchiveSrc::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (const Status opened = open(); !opened.ok()) {
      fail(opened.error());
      return GST_STATE_CHANGE_FAILURE;
    }
    // What can be known to be wrong is said before anybody waits for what comes.
    if (plays_by_itself()) {
      auto playing = prepare_to_play();
      if (!playing.ok()) {
        fail(playing.error());
        state_ = {};
        return GST_STATE_CHANGE_FAILURE;
      }
      state_.playing = std::move(playing).value();
    }
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(tarn_archive_src_parent_class)->change_state(element(), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    end_seqnum_ = GST_SEQNUM_INVALID;
    seek_at_start_.change([](Ref<GstEvent>& seek) { seek = {}; });
    const gstkit::StreamLock lock{src_};
    state_ = {};
    where_.change([](Where& where) { where = {}; });
  }
  return result;
}

// A plain pad task only where the element plays by itself: a request is served by its caller's thread.
bool ArchiveSrc::activate_push(bool active) {
  if (!plays_by_itself()) return true;
  if (!active) return gst_pad_stop_task(src_) != FALSE;
  const auto task = [](gpointer self) { static_cast<ArchiveSrc*>(self)->play(); };
  return gst_pad_start_task(src_, task, this, nullptr) != FALSE;
}

// As sources have it: an end that the application sends (gst-launch -e) is that of the stream. The task looks
// at the number; nobody waits here for a push that is under way. And a seek before there is anything to seek
// in is where it starts.
gboolean ArchiveSrc::send_event(GstEvent* raw) {
  auto event = Ref<GstEvent>::adopt(raw);
  if (plays_by_itself() && GST_EVENT_TYPE(raw) == GST_EVENT_EOS) {
    end_seqnum_ = gst_event_get_seqnum(raw);
    return TRUE;
  }
  if (plays_by_itself() && GST_EVENT_TYPE(raw) == GST_EVENT_SEEK && !GST_PAD_IS_ACTIVE(src_)) {
    if (!ArchivePlayback::can_seek(raw)) return FALSE;
    seek_at_start_.change([&](Ref<GstEvent>& seek) { seek = std::move(event); });
    return TRUE;
  }
  return GST_ELEMENT_CLASS(tarn_archive_src_parent_class)->send_event(element(), event.release());
}

void ArchiveSrc::announce(Ref<GstCaps> caps) {
  if (std::exchange(state_.announced, true)) {
    if (caps) gst_pad_push_event(src_, gst_event_new_caps(caps.get()));
    return;
  }
  if (!caps) caps = Ref<GstCaps>::adopt(gst_caps_from_string(gstkit::cmaf_caps_template));
  gstkit::TextPtr id{gst_pad_create_stream_id(src_, element(), nullptr)};
  gst_pad_push_event(src_, gst_event_new_stream_start(id.get()));
  gst_pad_push_event(src_, gst_event_new_caps(caps.get()));
  if (state_.playing) return;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(src_, gst_event_new_segment(&segment));
}

GstFlowReturn ArchiveSrc::package(const GstStructure* asked) {
  const gstkit::StreamLock lock{src_};
  if (!state_.archive || !GST_PAD_IS_ACTIVE(src_)) return GST_FLOW_FLUSHING;
  const auto request = parse_package_request(asked);
  if (!request.ok()) return fail(request.error());
  announce();
  return answer(*request);
}

GstFlowReturn ArchiveSrc::answer(const PackageRequest& request) {
  gst_pad_push_event(src_, gstkit::to_event(gstkit::SegmentBegin{
                                                .first_slot = request.first_slot,
                                                .slot_count = request.slot_count,
                                                .tracks = request.tracks,
                                            })
                               .release());
  const GstFlowReturn flow = request.header ? push_header(*request.header) : push_slots(request);
  // An element that writes the whole answer at its end says through the event that it could not.
  const bool ended = gst_pad_push_event(src_, gstkit::to_event(gstkit::SegmentEnd{}).release()) != FALSE;
  return flow == GST_FLOW_OK && !ended ? GST_FLOW_ERROR : flow;
}

Result<Ref<GstBuffer>> ArchiveSrc::header_buffer(const PackageRequest::Header& header) {
  auto buffer = gstkit::buffer_of(TRY(state_.archive->init(header.track, header.config)));
  GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
  return buffer;
}

GstFlowReturn ArchiveSrc::push_header(const PackageRequest::Header& header) {
  auto buffer = header_buffer(header);
  if (!buffer.ok()) return fail(buffer.error());
  return gst_pad_push(src_, buffer->release());
}

GstFlowReturn ArchiveSrc::push_slots(const PackageRequest& request) {
  if (request.segment_type) {
    static const Blob segment_type = Blob::copy_of(isobmff::segment_type());
    const GstFlowReturn flow = gst_pad_push(src_, gstkit::buffer_of(segment_type).release());
    if (flow != GST_FLOW_OK) return flow;
  }
  const auto timeline = state_.archive->timeline();
  for (const TrackId track : request.tracks) {
    const GstFlowReturn flow = push_track(*timeline, request, track);
    if (flow != GST_FLOW_OK) return flow;
  }
  return GST_FLOW_OK;
}

Result<Ref<GstCaps>> ArchiveSrc::caps_of(const timeline::Track& track) {
  auto& known = state_.caps[{track.id, track.config}];
  if (!known) {
    const Blob header = TRY(state_.archive->init(track.id, track.config));
    known = gstkit::cmaf_caps(track.description.info, header);
  }
  return known;
}

Ref<GstBuffer> ArchiveSrc::buffer_of(const timeline::Chunk& chunk, std::vector<Blob> parts,
                                     std::uint32_t timescale) {
  auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new());
  for (Blob& part : parts) {
    gst_buffer_append_memory(buffer.get(), gstkit::memory_of(std::move(part)).release());
  }
  GST_BUFFER_DTS(buffer.get()) = GST_BUFFER_PTS(buffer.get()) = gstkit::to_clock_time(chunk.start, timescale);
  GST_BUFFER_DURATION(buffer.get()) = gstkit::to_clock_time(chunk.duration, timescale);
  GST_BUFFER_OFFSET(buffer.get()) = chunk.serial;
  return buffer;
}

GstFlowReturn ArchiveSrc::push_track(const timeline::Timeline& timeline, const PackageRequest& request,
                                     TrackId id) {
  const bool repaired =
      timeline::is_repaired(timeline, request.first_slot, request.slot_count, request.tracks);
  const timeline::Track* track = nullptr;
  std::uint64_t first = 0;  // slot
  std::vector<timeline::Chunk> chunks;
  std::vector<std::vector<Blob>> parts;
  for (std::uint64_t number = request.first_slot; number < request.first_slot + request.slot_count;
       ++number) {
    const auto chunk = timeline::archived_chunk(timeline, number, id, repaired);
    if (chunk == nullptr) continue;
    if (track == nullptr) {
      first = number;
      const timeline::Stretch* stretch = timeline.stretch(timeline.find(number)->stretch);
      track = stretch != nullptr ? stretch->find(id) : nullptr;
      if (track == nullptr)
        return fail({ErrorCode::internal, "slot " + std::to_string(number) + " has no stretch"});
    }
    auto read = state_.archive->read_parts(*chunk);
    if (!read.ok()) return fail(read.error());
    chunks.push_back(*chunk);
    parts.push_back(std::move(read).value());
  }
  if (track == nullptr) return GST_FLOW_OK;
  auto list = Ref<GstBufferList>::adopt(gst_buffer_list_new_sized(static_cast<guint>(chunks.size()) + 1));
  if (request.segment_type) {
    isobmff::gather_events(parts);
    auto prft = Blob::of(producer_time(timeline, *track, first, chunks.front()));
    gst_buffer_list_add(list.get(), gstkit::buffer_of(std::move(prft)).release());
  }
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    auto buffer = buffer_of(chunks[i], std::move(parts[i]), track->description.info.timescale);
    gst_buffer_list_add(list.get(), buffer.release());
  }
  const auto caps = caps_of(*track);
  if (!caps.ok()) return fail(caps.error());
  gst_pad_push_event(src_, gstkit::to_event(gstkit::TrackBegin{.track = id, .caps = *caps}).release());
  return gst_pad_push_list(src_, list.release());
}

Result<ArchiveSrc::Playing> ArchiveSrc::prepare_to_play() {
  const Settings wanted = settings.copy();
  const auto timeline = state_.archive->timeline();
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t first = std::max(wanted.first_slot, timeline->empty() ? 0 : timeline->first_slot());
  const std::uint64_t end = wanted.slot_count == 0 ? most : first + wanted.slot_count;
  Playing playing{.playback = {ArchiveRange{timeline, first, end}, TRY(parse_tracks(wanted.tracks))}};
  ArchivePlayback& playback = playing.playback;
  TRY(playback.check_tracks());
  const auto seek = seek_at_start_.change([](Ref<GstEvent>& kept) { return std::exchange(kept, {}); });
  if (seek) playback.seek(seek.get(), [&](std::uint64_t slot) { return lead_of(playback, slot); });
  where_.change([&](Where& where) { where = {playback.range(), playback.whole()}; });
  return playing;
}

// Of the first track. What cannot be read is said when it is played.
GstClockTime ArchiveSrc::lead_of(const ArchivePlayback& playback, std::uint64_t number) {
  const timeline::Timeline& timeline = playback.range().timeline();
  const auto chunk = timeline::archived_chunk(timeline, number, playback.tracks().front(), false);
  if (chunk == nullptr) return 0;
  const timeline::Stretch* stretch = timeline.stretch(timeline.find(number)->stretch);
  const timeline::Track* track = stretch == nullptr ? nullptr : stretch->find(chunk->track);
  const auto whole = state_.archive->read(*chunk);
  if (track == nullptr || !whole.ok()) return 0;
  const auto parsed = isobmff::parse_chunks(whole->bytes());
  if (!parsed.ok() || parsed->samples.empty()) return 0;
  const isobmff::ParsedSample& first = parsed->samples.front();
  return gstkit::to_clock_time(std::max<std::int64_t>(first.pts - first.dts, 0),
                               track->description.info.timescale);
}

// The task of an element that plays by itself: a slot each time, holding the stream lock as every pad task
// does.
void ArchiveSrc::play() {
  Playing& playing = *state_.playing;
  const guint32 ended = end_seqnum_;
  const bool goes_on = ended == GST_SEQNUM_INVALID && !playing.playback.is_over();
  const GstFlowReturn flow = goes_on ? play_slot(playing) : GST_FLOW_EOS;
  if (flow == GST_FLOW_OK) return;
  gst_pad_pause_task(src_);
  if (flow == GST_FLOW_EOS) {
    end_playing(playing, ended);
  } else if (flow != GST_FLOW_FLUSHING && flow != GST_FLOW_ERROR) {
    GST_ELEMENT_FLOW_ERROR(element(), flow);
    push(gst_event_new_eos(), playing.playback.seqnum());
  }
}

void ArchiveSrc::end_playing(Playing& playing, guint32 end_seqnum) {
  const ArchivePlayback& playback = playing.playback;
  announce();  // where there was nothing to play
  if (!playing.stretch && playback.range().duration() > 0) push_segment(playing);
  if (end_seqnum != GST_SEQNUM_INVALID) return push(gst_event_new_eos(), end_seqnum);
  if (!playback.is_segment()) return push(gst_event_new_eos(), playback.seqnum());
  const auto position = static_cast<gint64>(playback.stop());
  GstMessage* done = gst_message_new_segment_done(GST_OBJECT_CAST(shell_), GST_FORMAT_TIME, position);
  if (playback.seqnum()) gst_message_set_seqnum(done, *playback.seqnum());
  gst_element_post_message(element(), done);
  push(gst_event_new_segment_done(GST_FORMAT_TIME, position), playback.seqnum());
}

GstFlowReturn ArchiveSrc::play_slot(Playing& playing) {
  ArchivePlayback& playback = playing.playback;
  const timeline::Timeline& timeline = playback.range().timeline();
  const auto slot = *timeline.find(playback.next());
  const timeline::Stretch* stretch = timeline.stretch(slot.stretch);
  const timeline::Track* only = playback.tracks().size() == 1 && stretch != nullptr
                                    ? stretch->find(playback.tracks().front())
                                    : nullptr;
  GstFlowReturn flow = GST_FLOW_OK;
  if (only != nullptr && playing.config != only->config) {
    auto caps = caps_of(*only);
    if (!caps.ok()) return fail(caps.error());
    announce(std::move(caps).value());
  }
  announce();
  if (playing.stretch != slot.stretch) {
    playing.stretch = slot.stretch;
    push_segment(playing);
  }
  if (only != nullptr && playing.config != only->config) {
    playing.config = only->config;
    flow = push_header({.track = only->id, .config = only->config});
    if (flow != GST_FLOW_OK) return flow;
  }
  flow = answer({.tracks = playback.tracks(),
                 .first_slot = playback.next(),
                 .slot_count = 1,
                 .segment_type = false,
                 .header = {}});
  playback.advance();
  where_.change([&](Where& where) { where.segment = playback.whole(); });
  return flow;
}

void ArchiveSrc::push_segment(const Playing& playing) {
  const GstSegment segment = playing.playback.segment();
  push(gst_event_new_segment(&segment), playing.playback.seqnum());
}

void ArchiveSrc::push(GstEvent* event, const std::optional<guint32>& seqnum) {
  if (seqnum) gst_event_set_seqnum(event, *seqnum);
  gst_pad_push_event(src_, event);
}

// ---- where it is

bool ArchiveSrc::src_event(GstPad* pad, GstEvent* raw) {
  const auto event = Ref<GstEvent>::adopt(raw);
  if (GST_EVENT_TYPE(raw) == GST_EVENT_SEEK) return seek(raw);
  return gst_pad_event_default(pad, GST_OBJECT_CAST(shell_), Ref<GstEvent>{event}.release()) != FALSE;
}

bool ArchiveSrc::seek(GstEvent* event) {
  if (!plays_by_itself() || !ArchivePlayback::can_seek(event)) return false;
  GstSeekFlags flags{};
  gst_event_parse_seek(event, nullptr, nullptr, &flags, nullptr, nullptr, nullptr, nullptr);
  const guint32 seqnum = gst_event_get_seqnum(event);
  const bool flushes = (flags & GST_SEEK_FLAG_FLUSH) != 0;
  if (flushes) push(gst_event_new_flush_start(), seqnum);
  gst_pad_pause_task(src_);
  const gstkit::StreamLock lock{src_};
  if (flushes) push(gst_event_new_flush_stop(TRUE), seqnum);
  if (!state_.playing || !GST_PAD_IS_ACTIVE(src_)) return false;
  Playing& playing = *state_.playing;
  ArchivePlayback& playback = playing.playback;
  playback.seek(event, [&](std::uint64_t slot) { return lead_of(playback, slot); });
  end_seqnum_ = GST_SEQNUM_INVALID;
  playing.config.reset();
  playing.stretch.reset();
  where_.change([&](Where& where) { where.segment = playback.whole(); });
  const auto task = [](gpointer self) { static_cast<ArchiveSrc*>(self)->play(); };
  return gst_pad_start_task(src_, task, this, nullptr) != FALSE;
}

bool ArchiveSrc::src_query(GstPad* pad, GstQuery* query) {
  const Where where = where_.copy();
  GstFormat format = GST_FORMAT_UNDEFINED;
  switch (where.range ? GST_QUERY_TYPE(query) : GST_QUERY_UNKNOWN) {
    case GST_QUERY_POSITION:
      gst_query_parse_position(query, &format, nullptr);
      if (format != GST_FORMAT_TIME) return false;
      gst_query_set_position(query, format, static_cast<gint64>(where.segment.position));
      return true;
    case GST_QUERY_DURATION:
      gst_query_parse_duration(query, &format, nullptr);
      if (format != GST_FORMAT_TIME) return false;
      gst_query_set_duration(query, format, static_cast<gint64>(where.range->duration()));
      return true;
    case GST_QUERY_SEEKING:
      gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
      if (format != GST_FORMAT_TIME) return false;
      gst_query_set_seeking(query, format, TRUE, 0, static_cast<gint64>(where.range->duration()));
      return true;
    case GST_QUERY_SEGMENT:
      gst_query_set_segment(query, where.segment.rate, GST_FORMAT_TIME,
                            static_cast<gint64>(where.segment.start),
                            static_cast<gint64>(std::min(where.segment.stop, where.range->duration())));
      return true;
    default:
      return gst_pad_query_default(pad, GST_OBJECT_CAST(shell_), query) != FALSE;
  }
}

}  // namespace
}  // namespace tarn

static GstFlowReturn tarn_archive_src_package(TarnArchiveSrc* self, const GstStructure* request) {
  return self->impl->package(request);
}

static void tarn_archive_src_init(TarnArchiveSrc* self) { self->impl = new tarn::ArchiveSrc{self}; }

static void tarn_archive_src_class_init(TarnArchiveSrcClass* klass) {
  auto* object = G_OBJECT_CLASS(klass);
  auto* element = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(archivesrc_debug, "archivesrc", 0, "channel archive source");
  tarn::gstkit::finalize_with<tarn::ArchiveSrc>(object);
  tarn::gstkit::install_properties<tarn::ArchiveSrc>(object);
  element->change_state = tarn::gstkit::thunk<&tarn::ArchiveSrc::change_state>;
  element->send_event = tarn::gstkit::thunk<&tarn::ArchiveSrc::send_event>;
  gst_element_class_add_static_pad_template(element, &tarn::src_template);
  gst_element_class_set_static_metadata(element, "Archive source", "Source",
                                        "Packages ranges of a channel's archive when asked to", "Tarn");
  // Pushes the answer to a request downstream and returns what downstream said.
  g_signal_new_class_handler("package", TARN_TYPE_ARCHIVE_SRC,
                             static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                             G_CALLBACK(tarn_archive_src_package), nullptr, nullptr, nullptr,
                             GST_TYPE_FLOW_RETURN, 1, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}
