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
 * that describe it, so that a manifest sink takes it.
 *
 * |[
 * gst-launch-1.0 archivesrc location=archive tracks=1 ! filesink location=video.mp4
 * ]|
 */
#include "archive/gstarchivesrc.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/package_request.h"
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
  GstFlowReturn package(const GstStructure* asked);

 private:
  // Everything that lasts from READY to PAUSED and back; used under the source pad's stream lock.
  struct State {
    std::shared_ptr<archive::Archive> archive;
    bool announced = false;  // stream-start, caps and segment have been sent
    std::map<std::pair<TrackId, std::uint32_t>, Ref<GstCaps>> caps;
  };

  Status open();
  // `caps`: of the one track that is played; without, tarn/track-begin has those of each.
  void announce(Ref<GstCaps> caps = {});
  GstFlowReturn begin_track(const timeline::Track& track);
  GstFlowReturn answer(const PackageRequest& request);
  GstFlowReturn push_header(const PackageRequest::Header& header);
  GstFlowReturn push_slots(const PackageRequest& request);
  GstFlowReturn push_track(const timeline::Timeline& timeline, const PackageRequest& request, TrackId track);
  Result<Ref<GstCaps>> caps_of(const timeline::Track& track);
  static Ref<GstBuffer> buffer_of(const timeline::Chunk& chunk, std::vector<Blob> parts,
                                  std::uint32_t timescale);
  Result<Ref<GstBuffer>> header_buffer(const PackageRequest::Header& header);
  void play();
  GstFlowReturn play_range(const Settings& range, const std::vector<TrackId>& tracks);
  GstFlowReturn fail(const Error& error) { return gstkit::post_error(element(), error); }

  GstElement* element() { return GST_ELEMENT(shell_); }

  TarnArchiveSrc* shell_;
  GstPad* src_ = nullptr;  // owned by the element
  State state_;
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
  gst_element_add_pad(element(), src_);
  GST_OBJECT_FLAG_SET(shell_, GST_ELEMENT_FLAG_SOURCE);
}

Status ArchiveSrc::open() {
  const std::string location = settings.with([](const Settings& s) { return s.location; });
  if (location.empty()) return Error{ErrorCode::invalid, "archivesrc: no location is set"};
  state_.archive = TRY(archive::Archive::open(location));
  return {};
}

GstStateChangeReturn ArchiveSrc::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (const Status opened = open(); !opened.ok()) {
      fail(opened.error());
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(tarn_archive_src_parent_class)->change_state(element(), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    const gstkit::StreamLock lock{src_};
    state_ = {};
  }
  return result;
}

// A plain pad task only where the element plays by itself: a request is served by its caller's thread.
bool ArchiveSrc::activate_push(bool active) {
  if (settings.with([](const Settings& s) { return s.tracks.empty(); })) return true;
  if (!active) return gst_pad_stop_task(src_) != FALSE;
  const auto task = [](gpointer self) { static_cast<ArchiveSrc*>(self)->play(); };
  return gst_pad_start_task(src_, task, this, nullptr) != FALSE;
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
  std::vector<timeline::Chunk> chunks;
  std::vector<std::vector<Blob>> parts;
  for (std::uint64_t number = request.first_slot; number < request.first_slot + request.slot_count;
       ++number) {
    const auto chunk = timeline::archived_chunk(timeline, number, id, repaired);
    if (chunk == nullptr) continue;
    if (track == nullptr) {
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
  if (request.segment_type) isobmff::gather_events(parts);
  auto list = Ref<GstBufferList>::adopt(gst_buffer_list_new_sized(static_cast<guint>(chunks.size())));
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    auto buffer = buffer_of(chunks[i], std::move(parts[i]), track->description.info.timescale);
    gst_buffer_list_add(list.get(), buffer.release());
  }
  const auto caps = caps_of(*track);
  if (!caps.ok()) return fail(caps.error());
  gst_pad_push_event(src_, gstkit::to_event(gstkit::TrackBegin{.track = id, .caps = *caps}).release());
  return gst_pad_push_list(src_, list.release());
}

// The task of an element that plays by itself. Runs once, holding the stream lock as every pad task does.
void ArchiveSrc::play() {
  gst_pad_pause_task(src_);
  const Settings range = settings.copy();
  const auto tracks = parse_tracks(range.tracks);
  if (!tracks.ok()) {
    fail(tracks.error());
    return;
  }
  const GstFlowReturn flow = play_range(range, *tracks);
  announce();  // where there was nothing to play
  if (flow == GST_FLOW_OK || flow == GST_FLOW_EOS) {
    gst_pad_push_event(src_, gst_event_new_eos());
  } else if (flow != GST_FLOW_FLUSHING && flow != GST_FLOW_ERROR) {
    GST_ELEMENT_FLOW_ERROR(element(), flow);
  }
}

// What a single track begins with: caps that describe it, and its header.
GstFlowReturn ArchiveSrc::begin_track(const timeline::Track& track) {
  auto caps = caps_of(track);
  if (!caps.ok()) return fail(caps.error());
  announce(std::move(caps).value());
  return push_header({.track = track.id, .config = track.config});
}

GstFlowReturn ArchiveSrc::play_range(const Settings& range, const std::vector<TrackId>& tracks) {
  const auto timeline = state_.archive->timeline();
  if (timeline->empty()) return GST_FLOW_EOS;
  const std::uint64_t first = std::max(range.first_slot, timeline->first_slot());
  const std::uint64_t last = range.slot_count == 0
                                 ? timeline->end_slot()
                                 : std::min<std::uint64_t>(timeline->end_slot(), first + range.slot_count);
  std::optional<std::uint32_t> config;
  for (std::uint64_t number = first; number < last; ++number) {
    const auto slot = timeline->find(number);
    const timeline::Stretch* stretch = slot != nullptr ? timeline->stretch(slot->stretch) : nullptr;
    const timeline::Track* only =
        tracks.size() == 1 && stretch != nullptr ? stretch->find(tracks.front()) : nullptr;
    if (only != nullptr && config != only->config) {
      config = only->config;
      const GstFlowReturn flow = begin_track(*only);
      if (flow != GST_FLOW_OK) return flow;
    }
    announce();
    const GstFlowReturn flow = answer(
        {.tracks = tracks, .first_slot = number, .slot_count = 1, .segment_type = false, .header = {}});
    if (flow != GST_FLOW_OK) return flow;
  }
  return GST_FLOW_OK;
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
  gst_element_class_add_static_pad_template(element, &tarn::src_template);
  gst_element_class_set_static_metadata(element, "Archive source", "Source",
                                        "Packages ranges of a channel's archive when asked to", "Tarn");
  // Pushes the answer to a request downstream and returns what downstream said.
  g_signal_new_class_handler("package", TARN_TYPE_ARCHIVE_SRC,
                             static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                             G_CALLBACK(tarn_archive_src_package), nullptr, nullptr, nullptr,
                             GST_TYPE_FLOW_RETURN, 1, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}
