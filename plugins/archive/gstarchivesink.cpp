// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-archivesink
 *
 * Writes the CMAF chunks of all tracks of a channel, and the timeline that ingestselector's events
 * describe, into an archive directory, from which archivesrc packages and manifests are rendered. A push
 * that returns GST_FLOW_OK after a `tarn/slot` event means that the slot is on disk and published.
 *
 * | pad | caps |
 * |---|---|
 * | sink_%u | `video/quicktime, variant=cmaf, codec, streamheader`, one track each |
 *
 * Buffers with the HEADER flag are passed over: the header is in the caps.
 *
 * Messages: `tarn/gop-too-long` (slot, duration in nanoseconds, target-duration in seconds) when a GOP was
 * so much longer than the segments an endpoint had promised that it began a generation of its own.
 *
 * Does not sync to the clock and does not preroll: state changes succeed at once. EOS is posted when
 * every pad got it. A full or failing disk is an element error and GST_FLOW_ERROR upstream, and nothing is
 * written any more before the element is started anew.
 *
 * Threads: writes on the streaming threads that push, one at a time; none of its own.
 *
 * ## Example
 * |[
 * gst-launch-1.0 ingestselector name=selector archivesink name=sink location=live \
 *     videotestsrc num-buffers=150 ! x264enc key-int-max=50 ! h264parse ! selector.ingest1_0 \
 *     audiotestsrc num-buffers=260 samplesperbuffer=1024 ! avenc_aac ! aacparse ! selector.ingest1_1 \
 *     selector.video_0 ! cmafpackager ! sink.sink_0 selector.audio_0 ! cmafpackager ! sink.sink_1
 * ]|
 */
#include "archive/gstarchivesink.h"

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/timeline_writer.h"
#include "gstkit/error.h"
#include "gstkit/object.h"
#include "gstkit/pads.h"
#include "gstkit/properties.h"
#include "gstkit/ref.h"

GST_DEBUG_CATEGORY_STATIC(archivesink_debug);
#define GST_CAT_DEFAULT archivesink_debug

namespace tarn::archive {

using gstkit::Ref;

class ArchiveSink {
 public:
  using Shell = TarnArchiveSink;

  struct Settings {
    std::string location;
  };
  gstkit::Guarded<Settings> settings;
  [[nodiscard]] gstkit::StructurePtr stats() const;

  static constexpr std::array properties{
      gstkit::Property<ArchiveSink>{
          .name = "location",
          .blurb = "Archive directory, made when it is not there; empty: memory only",
          .member = &Settings::location,
          .when = gstkit::When::ready},
      gstkit::Property<ArchiveSink>{
          .name = "stats", .blurb = "Slots, chunks and bytes in the archive", .member = &ArchiveSink::stats}};

  explicit ArchiveSink(TarnArchiveSink* shell) : shell_(shell) {}

  GstStateChangeReturn change_state(GstStateChange transition);
  GstPad* request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps* caps);
  void release_pad(GstPad* pad);
  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer);
  bool sink_event(GstPad* pad, GstEvent* event);

 private:
  Status start();
  void stop();
  struct Outcome {
    Status status;
    bool is_news = true;  // not the consequence of an error that was posted
  };
  GstFlowReturn report(const Outcome& outcome);
  Status take_caps(GstPad* pad, GstEvent* event);
  Outcome take_event(GstPad* pad, GstEvent* event);
  // One write. After a failed one the next is not even tried: a slot must not be listed without the part that
  // could not be stored. REQUIRES: mutex_ is held
  template <class Write>
  Outcome once_in_order(Write write);
  // Once true: all pads have ended, and EOS is due. REQUIRES: mutex_ is held
  [[nodiscard]] bool is_over();
  void post_eos(guint32 seqnum);
  void post_long_gops();

  TarnArchiveSink* shell_;
  gstkit::Guarded<std::shared_ptr<Archive>> archive_;

  std::mutex mutex_;  // guards all below; never held while posting
  TimelineWriter::Inputs inputs_;
  std::optional<TimelineWriter> writer_;  // while PAUSED or PLAYING
  Status failure_;                        // the first; nothing is written after it
  bool eos_posted_ = false;
  guint32 eos_seqnum_ = GST_SEQNUM_INVALID;
};

}  // namespace tarn::archive

struct _TarnArchiveSink {
  GstElement parent;
  tarn::archive::ArchiveSink* impl;
};
G_DEFINE_FINAL_TYPE(TarnArchiveSink, tarn_archive_sink, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(archivesink, "archivesink", GST_RANK_NONE, TARN_TYPE_ARCHIVE_SINK)

namespace tarn::archive {
namespace {

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST,
                                                             GST_STATIC_CAPS(gstkit::cmaf_caps_template));

Utc utc_now() { return Utc{Microseconds{g_get_real_time()}}; }

}  // namespace

// ---- states

Status ArchiveSink::start() {
  const std::string location = settings.copy().location;
  auto archive = location.empty() ? Archive::in_memory() : TRY(Archive::open(location));
  if (!archive) return Error{ErrorCode::internal, "no memory for an archive"};
  const auto last = archive->resume().last_stretch;
  archive_.change([&](std::shared_ptr<Archive>& held) { held = archive; });
  const std::lock_guard lock{mutex_};
  for (auto& [pad, input] : inputs_) input = TrackInput{};
  writer_.emplace(std::move(archive), last ? last->id : 0);
  failure_ = {};
  eos_posted_ = false;
  eos_seqnum_ = GST_SEQNUM_INVALID;
  return {};
}

void ArchiveSink::stop() {
  const std::lock_guard lock{mutex_};
  writer_.reset();
  archive_.change([](std::shared_ptr<Archive>& held) { held = nullptr; });
}

GstStateChangeReturn ArchiveSink::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (Status status = start(); !status) {
      gstkit::post_error(GST_ELEMENT_CAST(shell_), status.error());
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  const auto result =
      GST_ELEMENT_CLASS(tarn_archive_sink_parent_class)->change_state(GST_ELEMENT_CAST(shell_), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) stop();
  return result;
}

// ---- pads

GstPad* ArchiveSink::request_new_pad(GstPadTemplate* pad_template, const gchar* name,
                                     const GstCaps* /*caps*/) {
  GstPad* const pad = gstkit::new_request_pad(GST_ELEMENT_CAST(shell_), pad_template, "sink_", name);
  if (pad == nullptr) return nullptr;
  {
    const std::lock_guard lock{mutex_};
    inputs_[pad];
  }
  gst_pad_set_chain_function(pad, gstkit::pad_thunk<&ArchiveSink::chain>);
  gst_pad_set_event_function(pad, gstkit::pad_thunk<&ArchiveSink::sink_event>);
  if (gst_element_add_pad(GST_ELEMENT_CAST(shell_), pad) != FALSE) return pad;
  const std::lock_guard lock{mutex_};
  inputs_.erase(pad);
  return nullptr;
}

void ArchiveSink::release_pad(GstPad* pad) {
  gst_pad_set_active(pad, FALSE);
  bool last = false;
  guint32 seqnum = GST_SEQNUM_INVALID;
  {
    const std::lock_guard lock{mutex_};
    const auto at = inputs_.find(pad);
    const bool is_awaited = at != inputs_.end() && !at->second.ended;
    inputs_.erase(pad);
    last = is_awaited && !inputs_.empty() && is_over();
    seqnum = eos_seqnum_;
  }
  gst_element_remove_pad(GST_ELEMENT_CAST(shell_), pad);
  if (last) post_eos(seqnum);
}

// ---- stream

template <class Write>
ArchiveSink::Outcome ArchiveSink::once_in_order(Write write) {
  if (!failure_) return {failure_, false};
  failure_ = write();
  return {failure_};
}

GstFlowReturn ArchiveSink::report(const Outcome& outcome) {
  if (outcome.status) return GST_FLOW_OK;
  if (!outcome.is_news) return GST_FLOW_ERROR;
  return gstkit::post_error(GST_ELEMENT_CAST(shell_), outcome.status.error());
}

GstFlowReturn ArchiveSink::chain(GstPad* pad, GstBuffer* raw) {
  const auto buffer = Ref<GstBuffer>::adopt(raw);
  if (GST_BUFFER_FLAG_IS_SET(raw, GST_BUFFER_FLAG_HEADER)) return GST_FLOW_OK;
  Outcome outcome;
  {
    const std::lock_guard lock{mutex_};
    if (!writer_) return GST_FLOW_FLUSHING;
    outcome = once_in_order([&] { return writer_->append(inputs_, inputs_[pad], raw); });
  }
  return report(outcome);
}

bool ArchiveSink::sink_event(GstPad* pad, GstEvent* raw) {
  const auto event = Ref<GstEvent>::adopt(raw);
  Outcome outcome;
  switch (GST_EVENT_TYPE(raw)) {
    case GST_EVENT_CAPS:
      outcome.status = take_caps(pad, raw);
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM:
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      outcome = take_event(pad, raw);
      post_long_gops();
      break;
    case GST_EVENT_STREAM_START: {
      const std::lock_guard lock{mutex_};
      inputs_[pad].ended = false;
      break;
    }
    case GST_EVENT_EOS: {
      bool last = false;
      {
        const std::lock_guard lock{mutex_};
        inputs_[pad].ended = true;
        eos_seqnum_ = gst_event_get_seqnum(raw);
        last = is_over();
      }
      if (last) post_eos(gst_event_get_seqnum(raw));
      break;
    }
    default:
      break;
  }
  return report(outcome) == GST_FLOW_OK;
}

Status ArchiveSink::take_caps(GstPad* pad, GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  auto track = TRY(gstkit::cmaf_track_of(caps));
  const std::lock_guard lock{mutex_};
  inputs_[pad].cmaf = std::move(track);
  return {};
}

ArchiveSink::Outcome ArchiveSink::take_event(GstPad* pad, GstEvent* event) {
  const std::lock_guard lock{mutex_};
  if (!writer_) return {};
  TrackInput& input = inputs_[pad];
  if (auto announced = gstkit::parse<gstkit::TrackAnnounced>(event)) {
    input.description = std::move(announced->track);
  } else if (auto stretch = gstkit::parse<gstkit::StretchBegin>(event)) {
    input.stretch = std::move(*stretch);
  } else if (const auto part = gstkit::parse<gstkit::PartBegin>(event)) {
    input.part = *part;
  } else if (const auto complete = gstkit::parse<gstkit::SlotComplete>(event)) {
    return once_in_order([&] { return writer_->list(inputs_, input, complete->slot, utc_now()); });
  } else if (gstkit::parse<gstkit::StreamEnded>(event)) {
    return once_in_order([&] { return writer_->stream_ended(utc_now()); });
  }
  return {};
}

bool ArchiveSink::is_over() {
  for (const auto& [pad, input] : inputs_) {
    if (!input.ended) return false;
  }
  return writer_ && !std::exchange(eos_posted_, true);
}

void ArchiveSink::post_eos(guint32 seqnum) {
  GstMessage* message = gst_message_new_eos(GST_OBJECT_CAST(shell_));
  if (seqnum != GST_SEQNUM_INVALID) gst_message_set_seqnum(message, seqnum);
  gst_element_post_message(GST_ELEMENT_CAST(shell_), message);
}

void ArchiveSink::post_long_gops() {
  std::vector<timeline::LongGop> gops;
  {
    const std::lock_guard lock{mutex_};
    if (writer_) gops = writer_->take_long_gops();
  }
  for (const timeline::LongGop& gop : gops) {
    gstkit::StructurePtr structure{gst_structure_new_empty("tarn/gop-too-long")};
    gstkit::StructureWriter io{structure.get()};
    io("slot", gop.slot);
    io("duration", static_cast<std::uint64_t>(gop.duration.count()) * 1000);
    io("target-duration", gop.target_duration);
    gst_element_post_message(GST_ELEMENT_CAST(shell_),
                             gst_message_new_element(GST_OBJECT_CAST(shell_), structure.release()));
  }
}

gstkit::StructurePtr ArchiveSink::stats() const {
  gstkit::StructurePtr result{gst_structure_new_empty("tarn-archive-stats")};
  const auto archive = archive_.copy();
  if (!archive) return result;
  const Statistics statistics = archive->statistics();
  gstkit::StructureWriter io{result.get()};
  io("chunks", statistics.chunks);
  io("bytes", statistics.bytes);
  const auto timeline = archive->timeline();
  io("slots", timeline->empty() ? std::uint64_t{0} : timeline->end_slot() - timeline->first_slot());
  return result;
}

}  // namespace tarn::archive

static void tarn_archive_sink_init(TarnArchiveSink* self) {
  self->impl = new tarn::archive::ArchiveSink{self};
  GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SINK);
}

static void tarn_archive_sink_class_init(TarnArchiveSinkClass* klass) {
  using tarn::archive::ArchiveSink;
  namespace gstkit = tarn::gstkit;
  GST_DEBUG_CATEGORY_INIT(archivesink_debug, "archivesink", 0, "Archive writer");
  gstkit::finalize_with<ArchiveSink>(G_OBJECT_CLASS(klass));
  gstkit::install_properties<ArchiveSink>(G_OBJECT_CLASS(klass));
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = gstkit::thunk<&ArchiveSink::change_state>;
  element->send_event = gstkit::send_upstream;
  element->request_new_pad = gstkit::thunk<&ArchiveSink::request_new_pad>;
  element->release_pad = gstkit::thunk<&ArchiveSink::release_pad>;
  gst_element_class_add_static_pad_template(element, &tarn::archive::sink_template);
  gst_element_class_set_static_metadata(element, "Archive sink", "Sink",
                                        "Writes CMAF chunks and their timeline into an archive",
                                        "The Tarn authors");
}
