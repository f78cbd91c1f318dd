// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-hlsingestsrc
 *
 * Takes in one HLS stream of MPEG-TS or fragmented MP4 segments (muxed or in renditions, any number of
 * variants) and gives its tracks as elementary streams on one unwrapped timeline: pushed to it object by
 * object as an encoder uploads them (#hlsingestsrc::put-object), read from a folder, or fetched from a
 * server (#hlsingestsrc:location).
 *
 * Objects may come in any order. A segment waits for the playlist that names it, and a playlist for the
 * segments it names; what does not come is a gap. At the beginning, and after a discontinuity, nothing
 * is pushed until the first segment of every playlist is there, so that all pads exist and have caps
 * before the first buffer; a playlist that is more than 1.5 target durations late is left out and its
 * pads are added when it comes.
 *
 * Pads:
 * - `video_%u`: H.264 `avc`, HEVC `hvc1`, AV1 or VP9, alignment `au`: one buffer list per GOP. The number is
 * the variant's
 * - `audio_%u`: AAC `raw`, AC-3, E-AC-3, MP3 or Opus, framed: one buffer list per input segment
 * - `text_%u`: WebVTT subtitles as samples of ISO/IEC 14496-30 that follow each other without a hole
 *
 * Streams: a #GstStreamCollection is posted and sent on every pad, anew when tracks come or go; tags are
 * language-code, title and codec. Position is the end of what was pushed, in stream time, which begins with 0
 * at the first picture or sound and goes on over discontinuities; timestamps are the programme's own,
 * unwrapped, and begin about 2^33 ticks of 90 kHz (26.5 hours) later than the encoder's. It is not a live
 * source in GStreamer's sense: what comes is pushed at once, and a pipeline whose sinks follow the clock
 * prerolls with the first segment. It cannot be sought; what is in an archive can (#archivesrc).
 *
 * Events: `tarn/track` and `tarn/tracks` (sticky), `tarn/discontinuity`, `tarn/program-date-time`,
 * `tarn/segment-end`, `tarn/end-of-list`; the query `tarn/timeline-edge` is asked before the first buffer of
 * a session. Buffers share the memory into which the segment was demuxed.
 *
 * Threads: the thread that emits #hlsingestsrc::put-object pushes downstream before the emission returns, one
 * emission at a time; where a media playlist comes alone, a thread of GStreamer's pool does after 1.5 target
 * durations. With `location` a task fetches and pushes.
 *
 * A server is followed for ever: what cannot be fetched is tried again, with a warning on the bus each time
 * that begins, and a segment that stays away is a gap. Two of them in front of an ingestselector fail over.
 * Playlists and segments must lie at the playlist's folder or below, or be named by whole URLs.
 *
 * ## Example
 * |[
 * gst-launch-1.0 hlsingestsrc location=stream/manifest.m3u8 name=in \
 *     in.video_0 ! queue max-size-time=0 max-size-buffers=0 ! h264parse ! mux. \
 *     in.audio_0 ! queue max-size-time=0 max-size-buffers=0 ! aacparse ! mux. \
 *     mp4mux name=mux ! filesink location=copy.mp4
 * ]|
 * Two servers with the same programme, into an archive:
 * |[
 * gst-launch-1.0 ingestselector name=selector ! cmafpackager ! archivesink location=fetched \
 *     hlsingestsrc location=http://127.0.0.1:8001/manifest.m3u8 ! selector.ingest1_0 \
 *     hlsingestsrc location=http://127.0.0.1:8002/manifest.m3u8 ! selector.ingest2_0
 * ]|
 */
#include "ingest/gsthlsingestsrc.h"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gstkit/caps.h"
#include "gstkit/debug.h"
#include "gstkit/error.h"
#include "gstkit/object.h"
#include "gstkit/properties.h"
#include "ingest/deadline_timer.h"
#include "ingest/ingest_session.h"
#include "ingest/object_tickets.h"
#include "ingest/playlist_folder.h"
#include "ingest/pull.h"
#include "ingest/reader_task.h"
#include "ingest/streaming_turn.h"
#include "ingest/track_pads.h"

GST_DEBUG_CATEGORY(hlsingestsrc_debug);
#define GST_CAT_DEFAULT hlsingestsrc_debug

static GType tarn_ingest_container_get_type() {
  static const GEnumValue values[] = {{0, "Whatever comes", "any"},
                                      {1, "MPEG-TS and packed audio", "mpegts"},
                                      {2, "Fragmented MP4", "fmp4"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("TarnIngestContainer", values);
  return type;
}

namespace tarn::ingest {

using gstkit::Ref;

class HlsIngestSrc {
 public:
  using Shell = TarnHlsIngestSrc;

  struct Settings {
    std::string location;
    bool live = false;
    std::string user_id;
    std::string user_pw;
    Container container = Container::any;
    bool replaying = false;
    bool repair = false;
  };
  gstkit::Guarded<Settings> settings;
  [[nodiscard]] gstkit::StructurePtr stats() const;
  [[nodiscard]] std::uint64_t pending_object() const;

  static constexpr std::array properties{
      gstkit::Property<HlsIngestSrc>{
          .name = "location",
          .blurb =
              "Playlist to read the stream from: a file, a directory (its manifest.m3u8 or only playlist), a "
              "file:/// URL, or a URL of http or https, which is followed until EXT-X-ENDLIST; empty: "
              "objects are pushed",
          .member = &Settings::location,
          .when = gstkit::When::ready},
      gstkit::Property<HlsIngestSrc>{
          .name = "live",
          .blurb = "The playlist file of location is still being written: it is followed until EXT-X-ENDLIST",
          .member = &Settings::live,
          .when = gstkit::When::ready},
      gstkit::Property<HlsIngestSrc>{.name = "user-id",
                                     .blurb = "For HTTP Basic authentication at the host of location",
                                     .member = &Settings::user_id,
                                     .when = gstkit::When::ready},
      gstkit::Property<HlsIngestSrc>{.name = "user-pw",
                                     .blurb = "Password of user-id",
                                     .member = &Settings::user_pw,
                                     .when = gstkit::When::ready,
                                     .access = gstkit::Access::write_only},
      gstkit::Property<HlsIngestSrc>{
          .name = "container",
          .blurb = "Of the segments; others are refused",
          .member = gstkit::enumeration<&Settings::container>(tarn_ingest_container_get_type),
          .when = gstkit::When::ready},
      gstkit::Property<HlsIngestSrc>{
          .name = "replaying",
          .blurb = "Objects of an earlier run are put again; playlists none of whose segments came again are "
                   "passed over",
          .member = &Settings::replaying},
      gstkit::Property<HlsIngestSrc>{
          .name = "repair",
          .blurb = "Push segments that come after their place in the playlist was given up, for an "
                   "ingestselector that does the same; times then go back",
          .member = &Settings::repair,
          .when = gstkit::When::ready},
      gstkit::Property<HlsIngestSrc>{
          .name = "pending-object",
          .blurb = "Number, from 0, of the oldest segment put since the start of which media is held here or "
                   "downstream; when there is none, the number of put-object emissions",
          .member = &HlsIngestSrc::pending_object},
      gstkit::Property<HlsIngestSrc>{
          .name = "stats",
          .blurb = "Counters of this input, its bitrate, EXT-X-TARGETDURATION, last segment and last error",
          .member = &HlsIngestSrc::stats}};

  explicit HlsIngestSrc(TarnHlsIngestSrc* shell);

  GstStateChangeReturn change_state(GstStateChange transition);
  gboolean send_event(GstEvent* event);
  void end_pushed();
  GstStructure* put_object(const gchar* path, GBytes* data);
  GstStructure* delete_object(const gchar* path);
  void on_deadline();

 private:
  // What the stream did; made anew with each start.
  struct State {
    explicit State(std::uint64_t first_session) : session({}, first_session) {}
    IngestSession session;
    std::shared_ptr<ObjectTickets> tickets = std::make_shared<ObjectTickets>();
    std::optional<PlaylistFolder> folder;
    gstkit::WarningLimiter warnings;
  };
  // A copy for readers of `stats`.
  struct Report {
    IngestStatistics statistics;
    std::uint64_t held = 0;
    std::uint64_t held_bytes = 0;
    std::uint64_t dropped = 0;
  };

  bool start();
  void stop();
  GstFlowReturn push_outputs();
  void publish();
  bool step();  // of the task; false: it may end
  bool read_next();
  bool pull_next();
  bool goes_on_after(GstFlowReturn flow);
  void warn(const std::string& why);
  void finish_reading();
  void log(std::string_view path, const ObjectAnswer& answer);

  TarnHlsIngestSrc* shell_;
  gstkit::Guarded<Report> report_;
  gstkit::Guarded<std::shared_ptr<ObjectTickets>> tickets_;  // those of state_

  StreamingTurn streaming_;  // orders emissions, the task and stops; guards all below
  std::optional<State> state_;
  TrackPads pads_;
  std::uint64_t next_session_ = 0;  // sessions are numbered through over restarts of the element
  gstkit::Guarded<std::shared_ptr<Pull>> pulling_;  // pull_, for those who only cancel it
  std::shared_ptr<Pull> pull_;                      // the task's while it runs
  std::atomic<bool> is_ended_ = false;              // by the application
  ReaderTask reader_;
  DeadlineTimer timer_;
};

}  // namespace tarn::ingest
struct _TarnHlsIngestSrc {
  GstElement parent;
  tarn::ingest::HlsIngestSrc* impl;
};
G_DEFINE_FINAL_TYPE(TarnHlsIngestSrc, tarn_hls_ingest_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(hlsingestsrc, "hlsingestsrc", GST_RANK_NONE, TARN_TYPE_HLS_INGEST_SRC)

namespace tarn::ingest {
namespace {

GstStaticPadTemplate templates[] = {GST_STATIC_PAD_TEMPLATE("video_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                                                            GST_STATIC_CAPS(gstkit::video_stream_caps)),
                                    GST_STATIC_PAD_TEMPLATE("audio_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                                                            GST_STATIC_CAPS(gstkit::audio_stream_caps)),
                                    GST_STATIC_PAD_TEMPLATE("text_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                                                            GST_STATIC_CAPS(gstkit::text_stream_caps))};

GstStructure* structure_of(const ObjectAnswer& answer) {
  GstStructure* const structure = gst_structure_new("tarn-object-answer", "status", G_TYPE_STRING,
                                                    std::string{name_of(answer.outcome)}.c_str(), "message",
                                                    G_TYPE_STRING, answer.message.c_str(), nullptr);
  if (answer.code) {
    gst_structure_set(structure, "code", G_TYPE_STRING, std::string{name_of(*answer.code)}.c_str(), nullptr);
  }
  return structure;
}

ObjectAnswer not_running() { return refuse({ErrorCode::conflict, "the input is not running"}); }

Blob blob_of(GBytes* data) {
  gsize size = 0;
  const auto* const content = static_cast<const std::uint8_t*>(g_bytes_get_data(data, &size));
  return {std::make_shared<const Ref<GBytes>>(Ref<GBytes>::share(data)), Bytes{content, size}};
}

}  // namespace

HlsIngestSrc::HlsIngestSrc(TarnHlsIngestSrc* shell)
    : shell_(shell),
      pads_(GST_ELEMENT_CAST(shell)),
      reader_([this] { return step(); }),
      timer_(GST_ELEMENT_CAST(shell),
             [](GstElement* element) { gstkit::impl_of<HlsIngestSrc>(element)->on_deadline(); }) {
  GST_OBJECT_FLAG_SET(shell, GST_ELEMENT_FLAG_SOURCE);
}

// ---- states

bool HlsIngestSrc::start() {
  const Settings wanted = settings.copy();
  std::string location = wanted.location;
  if (!location.empty() && !Pull::is_url(location)) {
    auto file = playlist_at(location);
    if (!file.ok()) {
      gstkit::post_error(GST_ELEMENT_CAST(shell_), file.error());
      return false;
    }
    location = file->string();
  }
  const StreamingTurn::Taken turn{streaming_};
  state_.emplace(next_session_);
  is_ended_ = false;
  state_->session.set_container(wanted.container);
  state_->session.set_repairing(wanted.repair);
  tickets_.change([&](auto& tickets) { tickets = state_->tickets; });
  publish();
  if (location.empty()) return true;
  if (wanted.live || Pull::is_url(location)) {
    pull_ = std::make_shared<Pull>(Pull::Settings{location, wanted.user_id, wanted.user_pw});
    pulling_.change([&](auto& pull) { pull = pull_; });
    return true;
  }
  auto folder = PlaylistFolder::open(location);
  if (!folder.ok()) {
    gstkit::post_error(GST_ELEMENT_CAST(shell_), folder.error());
    state_.reset();
    return false;
  }
  state_->folder = std::move(folder).value();
  state_->session.trust_names();
  if (const auto& single = state_->folder->single_playlist()) state_->session.use_single_playlist(*single);
  return true;
}

// The pads are inactive by now, so that a push that is under way comes back soon.
void HlsIngestSrc::stop() {
  reader_.stop();
  const StreamingTurn::Taken turn{streaming_};
  timer_.stop();
  pads_.remove_all();
  if (state_) next_session_ = state_->session.session() + 1;
  state_.reset();
  pulling_.change([](auto& pull) { pull.reset(); });
  pull_.reset();
}

GstStateChangeReturn HlsIngestSrc::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start()) return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    reader_.let_end();
    if (pull_) pull_->cancel();
  }
  const auto result =
      GST_ELEMENT_CLASS(tarn_hls_ingest_src_parent_class)->change_state(GST_ELEMENT_CAST(shell_), transition);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result != GST_STATE_CHANGE_FAILURE &&
      !settings.copy().location.empty()) {
    reader_.start();
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) stop();
  return result;
}

// As sources have it: an end that the application sends (gst-launch -e) is that of the stream.
gboolean HlsIngestSrc::send_event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_EOS) {
    return GST_ELEMENT_CLASS(tarn_hls_ingest_src_parent_class)->send_event(GST_ELEMENT_CAST(shell_), event);
  }
  const auto owned = Ref<GstEvent>::adopt(event);
  if (is_ended_.exchange(true)) return TRUE;
  // Nobody waits here: a push that is under way may last until the application's next change of state. The
  // task looks at the flag; objects that are pushed have no task, and another thread ends what they began.
  const auto pull = pulling_.copy();
  if (pull) pull->cancel();
  const bool has_task = !settings.copy().location.empty();
  if (has_task) return TRUE;
  gst_element_call_async(
      GST_ELEMENT_CAST(shell_),
      [](GstElement* element, gpointer) { gstkit::impl_of<HlsIngestSrc>(element)->end_pushed(); }, nullptr,
      nullptr);
  return TRUE;
}

void HlsIngestSrc::end_pushed() {
  const StreamingTurn::Taken turn{streaming_};
  if (state_ && is_ended_) finish_reading();
}

// ---- objects that are pushed

GstStructure* HlsIngestSrc::put_object(const gchar* path, GBytes* data) {
  if (path == nullptr || data == nullptr)
    return structure_of(refuse({ErrorCode::invalid, "path or data missing"}));
  if (streaming_.is_mine()) {
    return structure_of(
        refuse({ErrorCode::conflict, "put-object was emitted while its own push was under way"}));
  }
  const StreamingTurn::Taken turn{streaming_};
  if (!state_ || is_ended_) return structure_of(not_running());
  state_->session.set_replaying(settings.with([](const Settings& s) { return s.replaying; }));
  ObjectAnswer answer = state_->session.put(path, blob_of(data), timer_.now(), state_->tickets->next());
  log(path, answer);
  const GstFlowReturn flow = push_outputs();
  if (flow == GST_FLOW_FLUSHING) answer = not_running();
  if (flow < GST_FLOW_FLUSHING || flow == GST_FLOW_EOS) {
    answer = refuse({ErrorCode::internal, std::string{"downstream: "} + gst_flow_get_name(flow)});
  }
  publish();
  timer_.arm(state_->session.deadline());
  return structure_of(answer);
}

// Semantics S21: a playlist that nothing names is the stream, even when nothing more comes.
void HlsIngestSrc::on_deadline() {
  const StreamingTurn::Taken turn{streaming_};
  if (!state_ || is_ended_) return;
  state_->session.advance(timer_.now());
  const GstFlowReturn flow = push_outputs();
  if (flow < GST_FLOW_FLUSHING || flow == GST_FLOW_EOS) {
    GST_WARNING_OBJECT(shell_, "downstream: %s", gst_flow_get_name(flow));
  }
  publish();
  timer_.arm(state_->session.deadline());
}

GstStructure* HlsIngestSrc::delete_object(const gchar* path) {
  if (path == nullptr) return structure_of(refuse({ErrorCode::invalid, "path missing"}));
  return structure_of(IngestSession::remove(path));
}

GstFlowReturn HlsIngestSrc::push_outputs() {
  GstFlowReturn worst = GST_FLOW_OK;
  while (const auto output = state_->session.next()) {
    const GstFlowReturn flow = pads_.carry_out(*output);
    worst = std::min(worst, flow);  // errors are below OK, the worse ones further
    const bool begins =
        std::holds_alternative<TracksKnown>(*output) || std::holds_alternative<SessionBegan>(*output);
    if (!begins) continue;
    if (const auto edge = pads_.timeline_edge()) state_->session.set_timeline_edge(*edge);
  }
  return worst;
}

void HlsIngestSrc::log(std::string_view path, const ObjectAnswer& answer) {
  const std::string line = std::string{path} + ": " + answer.message;
  if (answer.outcome != ObjectAnswer::Outcome::refused) {
    GST_DEBUG_OBJECT(shell_, "%s", line.c_str());
  } else if (state_->warnings.due()) {
    GST_WARNING_OBJECT(shell_, "refused: %s", line.c_str());
  }
}

// ---- a folder or a server that is read

bool HlsIngestSrc::step() { return pull_ ? pull_next() : read_next(); }

// Fetching and waiting happen outside of the turn: others look at the element meanwhile.
bool HlsIngestSrc::pull_next() {
  const Pull::Outcome outcome = pull_->step();
  if (const auto* trouble = std::get_if<Pull::Trouble>(&outcome)) warn(trouble->why + "; it is tried again");
  const StreamingTurn::Taken turn{streaming_};
  if (!state_) return false;
  if (std::holds_alternative<Pull::Over>(outcome) || is_ended_) {
    finish_reading();
    return false;
  }
  if (const auto& single = pull_->single_playlist()) state_->session.use_single_playlist(*single);
  if (const auto* object = std::get_if<Pull::Object>(&outcome)) {
    log(object->name, state_->session.put(object->name, object->content, timer_.now()));
  } else {
    state_->session.advance(timer_.now());
  }
  const GstFlowReturn flow = push_outputs();
  publish();
  timer_.arm(state_->session.deadline());
  return goes_on_after(flow);
}

// Of the task, which is the one to say that it ends; who pushes objects gets an answer instead.
bool HlsIngestSrc::goes_on_after(GstFlowReturn flow) {
  if (flow == GST_FLOW_OK || flow == GST_FLOW_FLUSHING) return flow == GST_FLOW_OK;
  if (flow != GST_FLOW_EOS) {
    const std::string why = flow == GST_FLOW_NOT_LINKED ? "no pad is linked" : gst_flow_get_name(flow);
    gstkit::post_error(GST_ELEMENT_CAST(shell_), {ErrorCode::internal, "downstream: " + why});
  }
  pads_.end_of_stream();
  return false;
}

void HlsIngestSrc::warn(const std::string& why) {
  gst_element_message_full(GST_ELEMENT_CAST(shell_), GST_MESSAGE_WARNING, GST_RESOURCE_ERROR,
                           GST_RESOURCE_ERROR_READ, g_strdup(why.c_str()), nullptr, __FILE__, __func__,
                           __LINE__);
}

bool HlsIngestSrc::read_next() {
  const StreamingTurn::Taken turn{streaming_};
  if (!state_ || !state_->folder) return false;
  auto file = is_ended_ ? std::nullopt : state_->folder->next();
  if (!file) {
    finish_reading();
    return false;
  }
  if (!file->ok()) {
    gstkit::post_error(GST_ELEMENT_CAST(shell_), file->error());
    pads_.end_of_stream();
    return false;
  }
  log((*file)->path, state_->session.put((*file)->path, (*file)->content, timer_.now()));
  const GstFlowReturn flow = push_outputs();
  publish();
  return goes_on_after(flow);
}

void HlsIngestSrc::finish_reading() {
  state_->session.settle(timer_.now());
  (void)push_outputs();
  publish();
  const IngestStatistics statistics = state_->session.statistics();
  if (statistics.segments == 0 && !is_ended_) {
    const std::string why = statistics.last_error.empty() ? "" : " (" + statistics.last_error + ")";
    gstkit::post_error(GST_ELEMENT_CAST(shell_),
                       unsupported("the playlist has no segment that can be read" + why));
  } else if (!pads_.has_any()) {  // nobody downstream would learn of the end
    gstkit::post_error(GST_ELEMENT_CAST(shell_),
                       {ErrorCode::internal, "the stream was ended before anything came"});
  }
  pads_.end_of_stream();
}

// ---- status

void HlsIngestSrc::publish() {
  const ObjectShelf& shelf = state_->session.playlists().shelf();
  Report report{.statistics = state_->session.statistics(),
                .held = shelf.held(),
                .held_bytes = shelf.held_bytes(),
                .dropped = shelf.dropped()};
  report_.change([&](Report& published) { published = std::move(report); });
}

std::uint64_t HlsIngestSrc::pending_object() const {
  const auto tickets = tickets_.copy();
  return tickets ? tickets->oldest() : 0;
}

gstkit::StructurePtr HlsIngestSrc::stats() const {
  const Report report = report_.copy();
  const IngestStatistics& s = report.statistics;
  gstkit::StructurePtr structure{gst_structure_new("tarn-hls-ingest-stats", "last-segment", G_TYPE_STRING,
                                                   s.last_segment.c_str(), "last-error", G_TYPE_STRING,
                                                   s.last_error.c_str(), nullptr)};
  const auto target = static_cast<std::uint64_t>(s.target_duration.count() / 1'000'000);
  const std::pair<const char*, std::uint64_t> counters[] = {{"segments", s.segments},
                                                            {"gaps", s.gaps},
                                                            {"late-segments", s.late},
                                                            {"held", report.held},
                                                            {"held-bytes", report.held_bytes},
                                                            {"dropped", report.dropped},
                                                            {"refused", s.refused},
                                                            {"repeated", s.repeated},
                                                            {"discontinuities", s.discontinuities},
                                                            {"continuity-errors", s.continuity_errors},
                                                            {"damaged-packets", s.damaged_packets},
                                                            {"dropped-units", s.dropped_units},
                                                            {"bitrate", s.bitrate},
                                                            {"target-duration", target}};
  for (const auto& [name, value] : counters) {
    gst_structure_set(structure.get(), name, G_TYPE_UINT64, value, nullptr);
  }
  return structure;
}

}  // namespace tarn::ingest

static void tarn_hls_ingest_src_init(TarnHlsIngestSrc* self) {
  self->impl = new tarn::ingest::HlsIngestSrc{self};
}

static void tarn_hls_ingest_src_class_init(TarnHlsIngestSrcClass* klass) {
  using tarn::ingest::HlsIngestSrc;
  namespace gstkit = tarn::gstkit;
  GST_DEBUG_CATEGORY_INIT(hlsingestsrc_debug, "hlsingestsrc", 0, "HLS ingest source");
  gstkit::finalize_with<HlsIngestSrc>(G_OBJECT_CLASS(klass));
  gstkit::install_properties<HlsIngestSrc>(G_OBJECT_CLASS(klass));

  constexpr auto action = static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  /**
   * TarnHlsIngestSrc::put-object:
   * @path: where the object is, below the input's base: "manifest.m3u8", "hd/seg-7.ts"
   * @data: its content
   *
   * Takes an object in and pushes everything that it completes.
   *
   * Returns: `status` ("created", "replaced", "held" or "refused"), `message`, and when refused `code`
   */
  g_signal_new_class_handler("put-object", G_TYPE_FROM_CLASS(klass), action,
                             gstkit::callback<&HlsIngestSrc::put_object>(), nullptr, nullptr, nullptr,
                             GST_TYPE_STRUCTURE, 2, G_TYPE_STRING, G_TYPE_BYTES);
  /**
   * TarnHlsIngestSrc::delete-object:
   * @path: where the object was put
   *
   * Accepted, and nothing happens: how long content is kept is not the encoder's decision.
   *
   * Returns: as put-object
   */
  g_signal_new_class_handler("delete-object", G_TYPE_FROM_CLASS(klass), action,
                             gstkit::callback<&HlsIngestSrc::delete_object>(), nullptr, nullptr, nullptr,
                             GST_TYPE_STRUCTURE, 1, G_TYPE_STRING);

  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = gstkit::thunk<&HlsIngestSrc::change_state>;
  element->send_event = gstkit::thunk<&HlsIngestSrc::send_event>;
  for (auto& pad_template : tarn::ingest::templates) {
    gst_element_class_add_static_pad_template(element, &pad_template);
  }
  gst_element_class_set_static_metadata(element, "HLS ingest source", "Source/Demuxer",
                                        "Takes in an HLS stream, pushed, from files or from a server",
                                        "The Tarn authors");
}
