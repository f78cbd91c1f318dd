// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-hlsmanifestsink
 *
 * Writes HLS into a directory: CMAF segments with their headers or TS segments, a media playlist for each
 * pad and a multivariant playlist, in that order, so that nothing is named before it is there. A file is
 * there whole or not at all. By default everything is kept and listed, and EXT-X-ENDLIST is written at EOS.
 *
 * The first video makes the segments, without video the first pad: a segment ends with the first chunk that
 * makes it at least `segment-duration` long. Of the other pads it holds the chunks that begin in it: their
 * `chunk-duration` (cmafpackager) should not be longer than a segment. Each video is a variant; audio goes
 * with all of them.
 *
 * TS segments are chunks in this sense, too: give tspackager the same `segment-duration`. A pad carries a
 * video with its audio, which is a variant; or video and audio have pads of their own, and then the audio
 * goes with every video. All pads are of one kind.
 *
 * | pad | caps |
 * |---|---|
 * | sink_%u | `video/quicktime, variant=cmaf, codec, streamheader`, one track each |
 * | sink_%u | `video/mpegts, systemstream=true, packetsize=188, segmented=true`, one or two tracks |
 *
 * With a URL of http or https as `location` the files are put to a server, and with `second-location` to
 * another one as well, each in order and on a thread of its own: what one does not take does not hold up the
 * other, is tried again, and is a warning on the bus. So gst-launch feeds both inputs of a Tarn channel of
 * protocol HLS_CMAF, or HLS.
 *
 * What a server refuses for good (4xx other than 408 and 429) is not sent again. A server that refuses the
 * credentials (401, or 403 before it has taken anything), or a header, or the first three files, is of no use
 * as it is: a warning says so once, and what comes is offered to it all the same. If there is no directory
 * and all servers are so, that is an element error at once, since nobody would get anything until the end. A
 * segment that a server refuses afterwards is marked EXT-X-GAP in the playlists that this server gets, and so
 * is one that is given up because the server is too slow (128 MiB wait at most): players pass over what is
 * not there instead of asking for it, and a live pipeline goes on. Redirections (301, 302, 307, 308) are
 * followed with the same method and body, five at most and never from https to http; credentials go along to
 * the same host and port only, and every file begins at `location` again.
 *
 * Encrypted tracks (of `cencenc`) are refused: these manifests name no keys.
 *
 * All pads must be there and have caps before a segment is written. A pad that is two segments and a minute
 * ahead of another waits in its chain. Live streams are waited for until they are late by `segment-duration`,
 * beyond the latency that is upstream; then segments go on without them (a warning), until they are there
 * again. One that was not there for the first segment is left out. Where a track's parameters change, or an
 * encoder began anew (its times go back, or an archivesrc says so), the manifests have a discontinuity, and
 * the track a header of its own; its codec stays. Does not sync to the clock and does not preroll. EOS is
 * posted when every pad got it, or was released, and the servers have what is theirs (or 30 s have passed: a
 * warning). A directory that cannot be made or written is an element
 * error at the start, a full or failing disk when it is met, and so is an end at which no server has taken
 * anything and there is no directory.
 *
 * Threads: files are written on the streaming threads that push, one at a time; each URL has a thread.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=300 ! x264enc key-int-max=30 ! h264parse ! cmafpackager ! \
 *     hlsmanifestsink location=out segment-duration=2
 * ]|
 *
 * |[
 * gst-launch-1.0 tspackager name=ts segment-duration=2 ! hlsmanifestsink location=out-ts segment-duration=2 \
 *     videotestsrc num-buffers=300 ! x264enc key-int-max=30 ! h264parse ! queue ! ts. \
 *     audiotestsrc num-buffers=430 samplesperbuffer=1024 ! avenc_aac ! aacparse ! queue ! ts.
 * ]|
 */
/**
 * SECTION:element-dashmanifestsink
 *
 * Writes MPEG-DASH into a directory: CMAF segments and headers and an MPD with a SegmentTimeline, which is
 * dynamic until EOS and static from then on. A file is there whole or not at all, and is not named before it
 * is there. By default everything is kept and listed.
 *
 * The first video track makes the segments, without video the first pad: a segment ends with the first chunk
 * that makes it at least `segment-duration` long. Of the other tracks it holds the chunks that begin in it:
 * their `chunk-duration` (cmafpackager) should not be longer than a segment.
 *
 * | pad | caps |
 * |---|---|
 * | sink_%u | `video/quicktime, variant=cmaf, codec, streamheader`, one track each |
 *
 * With a URL of http or https as `location` the files are put to a server, and with `second-location` to
 * another one as well, each in order and on a thread of its own: what one does not take does not hold up the
 * other, is tried again, and is a warning on the bus. So gst-launch feeds both inputs of a Tarn channel of
 * protocol HLS_CMAF.
 *
 * What a server refuses for good (4xx other than 408 and 429) is not sent again. A server that refuses the
 * credentials (401, or 403 before it has taken anything), or a header, or the first three files, is of no use
 * as it is: a warning says so once, and what comes is offered to it all the same. If there is no directory
 * and all servers are so, that is an element error at once, since nobody would get anything until the end. A
 * segment that a server refuses afterwards, or that is given up because the server is too slow (128 MiB wait
 * at most), stays in the MPD, which has no mark for it that players know: they meet 404 and go on with the
 * next. Redirections (301, 302, 307, 308) are followed with the same method and body, five at most and never
 * from https to http; credentials go along to the same host and port only, and every file begins at
 * `location` again.
 *
 * Encrypted tracks (of `cencenc`) are refused: these manifests name no keys.
 *
 * All pads must be there and have caps before a segment is written. A pad that is two segments and a minute
 * ahead of another waits in its chain. Live streams are waited for until they are late by `segment-duration`,
 * beyond the latency that is upstream; then segments go on without them (a warning), until they are there
 * again. One that was not there for the first segment is left out. Where a track's parameters change, or an
 * encoder began anew (its times go back, or an archivesrc says so), a Period begins, and the track has a
 * header of its own; its codec stays. Does not sync to the clock and does not preroll. EOS is posted when
 * every pad got it, or was released, and the servers have what is theirs (or 30 s have passed: a warning). A
 * directory that cannot be made or written is an element error at the start, a full or failing disk when it
 * is met, and so is an end at which no server has taken anything and there is no directory.
 *
 * Threads: files are written on the streaming threads that push, one at a time; each URL has a thread.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=300 ! x264enc key-int-max=30 ! h264parse ! cmafpackager ! \
 *     dashmanifestsink location=out segment-duration=2
 * ]|
 */
#include "manifest/gstmanifestsink.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/base/time.h"
#include "core/isobmff/cmaf.h"
#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/events.h"
#include "gstkit/live_clock.h"
#include "gstkit/memory.h"
#include "gstkit/object.h"
#include "gstkit/pads.h"
#include "gstkit/properties.h"
#include "gstkit/ref.h"
#include "gstkit/time.h"
#include "manifest/directory.h"
#include "manifest/http_output.h"
#include "manifest/manifest_builder.h"
#include "manifest/ts_reader.h"

GST_DEBUG_CATEGORY_STATIC(manifestsink_debug);
#define GST_CAT_DEFAULT manifestsink_debug

static GType tarn_playlist_type_get_type() {
  static const GEnumValue values[] = {{0, "No type: live, or complete with ENDLIST", "none"},
                                      {1, "EXT-X-PLAYLIST-TYPE:EVENT: only grows", "event"},
                                      {2, "EVENT while it grows, VOD when it is complete", "vod"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("TarnPlaylistType", values);
  return type;
}

namespace tarn::manifest {

using gstkit::Ref;

enum class PlaylistType { none, event, vod };

struct SinkSettings {
  std::string location = ".";
  std::string second_location;
  std::string user_id;
  std::string user_pw;
  std::string second_user_id;
  std::string second_user_pw;
  std::string manifest_name = "manifest";
  std::uint32_t segment_duration = 6;
  std::uint32_t window = 0;
  bool delete_old_files = false;
  PlaylistType playlist_type = PlaylistType::none;
  std::uint32_t program_date_time_interval = 0;
  std::string utc_timing_url;
};

template <class Traits>
class ManifestSink {
 public:
  using Shell = typename Traits::Shell;
  using Settings = SinkSettings;
  gstkit::Guarded<Settings> settings;
  static constexpr auto properties = Traits::template rows<ManifestSink>();

  explicit ManifestSink(Shell* shell) : shell_(shell), live_(GST_ELEMENT_CAST(shell)) {}

  GstStateChangeReturn change_state(GstStateChange transition);
  GstPad* request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps* caps);
  void release_pad(GstPad* pad);
  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer);
  bool sink_event(GstPad* pad, GstEvent* event);
  gboolean send_event(GstEvent* event);

 private:
  using Servers = std::vector<std::shared_ptr<HttpOutput>>;
  struct Held {
    std::int64_t start = 0;
    std::int64_t duration = 0;
    bool independent = true;
    std::vector<Blob> parts;
    std::vector<Share> shares;         // TS: of its tracks
    bool has_changed = false;          // TS: its tracks are others
    std::optional<std::int64_t> told;  // TS: its duration as the buffer says it, 90 kHz
  };
  struct Input {
    GstPad* pad = nullptr;
    std::optional<gstkit::CmafTrack> cmaf;
    std::optional<TsReader> ts;  // instead of cmaf
    std::optional<timeline::TrackDescription> description;
    timeline::TrackId track = 0;  // in the builder
    std::vector<Held> held;       // until all tracks are known
    GstSegment segment{};
    std::optional<std::int64_t> offset;  // nanoseconds from running time to the track's times
    bool ended = false;
    bool flushing = false;
    bool left_out = false;  // it was not there when the first segment was made
    bool has_long_chunks = false;
    std::uint64_t dropped = 0;
    // What has been told of it
    bool told_long = false;
    bool told_missing = false;
    bool told_left_out = false;
    bool told_waiting = false;

    [[nodiscard]] bool is_known() const { return cmaf || (ts && !ts->tracks().empty()); }
    [[nodiscard]] bool is_complete() const { return cmaf || (ts && ts->is_complete()); }
  };
  // What is to be said when mutex_ is no longer held.
  struct News {
    enum class Kind { missing, there_again, left_out, left_out_track, long_chunks, dropped };
    Kind kind = Kind::missing;
    Ref<GstPad> pad;
    std::uint64_t number = 0;
  };

  Status start();
  Status open_output(const Settings& wanted);
  void tell(const std::string& number, const HttpOutput::Trouble& trouble);
  // REQUIRES of all that follow: mutex_ is held
  Status begin_when_ready();
  Status add_track(Input& input);
  Status take_caps(Input& input, const GstCaps* caps);
  Status change_tracks(const Input& input);
  Status take(Input& input, Held chunk);
  Status take_gap(Input& input, GstEvent* event);
  [[nodiscard]] static std::uint32_t timescale_of(const Input& input) {
    return input.ts ? input.ts->tracks().front().info.timescale : input.cmaf->info.timescale;
  }
  Status take_buffer(Input& input, GstBuffer* buffer);
  [[nodiscard]] static std::optional<std::int64_t> running_time(const Input& input, GstClockTime time);
  // Asks upstream. REQUIRES: mutex_ is not held
  std::optional<std::int64_t> due() { return live_.due(settings.copy().segment_duration * GST_SECOND); }
  [[nodiscard]] bool may_begin_without(const Input& input) const;
  [[nodiscard]] Input* awaited_by(const Input& input);
  void note_due(std::optional<std::int64_t> running);
  Input* wait_for_others(GstPad* pad, std::unique_lock<std::mutex>& lock);
  std::vector<News> take_news();
  void tell(const std::vector<News>& news) const;
  // Who waits looks again.
  void set_flushing(GstPad* pad, bool flushing);
  Status write();
  // Of a pad that ended or went. True: it was the last one, and finish() is due, without the lock.
  Result<bool> end_of_track(timeline::TrackId track);
  // Keeps it. Something: to be posted, without the lock; a later one is a consequence and says nothing.
  std::optional<Error> first_failure(const Status& status);
  Input* find(GstPad* pad);
  [[nodiscard]] bool all_ended() const;

  static Result<Held> read_chunk(GstBuffer* buffer);
  static Result<Held> read_transport(TsReader& reader, GstBuffer* buffer);
  static Utc now() { return Utc{Microseconds{g_get_real_time()}}; }
  void post_eos(guint32 seqnum);
  void post_start(GstEvent* event);
  void finish();

  Shell* shell_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = true;
  std::vector<Input> inputs_;               // in the order of the pads
  std::optional<ManifestBuilder> builder_;  // while PAUSED or PLAYING
  std::string directory_;                   // empty: no files
  Servers servers_;
  bool begun_ = false;
  gstkit::LiveClock live_;
  std::optional<std::int64_t> due_;  // running time, nanoseconds
  Status failure_;                   // the first; nothing is written after it
  bool eos_posted_ = false;
  bool start_posted_ = false;
  guint32 eos_seqnum_ = GST_SEQNUM_INVALID;
};

namespace {

template <class Impl>
constexpr gstkit::Property<Impl> text_row(const char* name, const char* blurb,
                                          std::string SinkSettings::*member,
                                          gstkit::Access access = gstkit::Access::read_write) {
  return {.name = name, .blurb = blurb, .member = member, .when = gstkit::When::ready, .access = access};
}
// Both kinds of sink; one a line.
#define TARN_OUTPUT_ROWS(Impl)                                                                              \
  text_row<Impl>("second-location", "The same files there too, over HTTP: a redundant input",               \
                 &SinkSettings::second_location),                                                           \
      text_row<Impl>("user-id", "For HTTP Basic authentication", &SinkSettings::user_id),                   \
      text_row<Impl>("user-pw", "Password of user-id", &SinkSettings::user_pw, gstkit::Access::write_only), \
      text_row<Impl>("second-user-id", "The same for second-location", &SinkSettings::second_user_id),      \
      text_row<Impl>("second-user-pw", "Password of second-user-id", &SinkSettings::second_user_pw,         \
                     gstkit::Access::write_only)

template <class Impl>
constexpr gstkit::Property<Impl> location_row{.name = "location",
                                              .blurb =
                                                  "Directory, made when it is not there, as a path or "
                                                  "file:///path, or a URL of http or https that ends in "
                                                  "'/', below which files are put",
                                              .member = &SinkSettings::location,
                                              .when = gstkit::When::ready};
template <class Impl>
constexpr gstkit::Property<Impl> name_row{.name = "manifest-name",
                                          .blurb = "What the manifests' names begin with",
                                          .member = &SinkSettings::manifest_name,
                                          .when = gstkit::When::ready};
template <class Impl>
constexpr gstkit::Property<Impl> duration_row{.name = "segment-duration",
                                              .blurb = "Seconds that a segment lasts at least",
                                              .member = &SinkSettings::segment_duration,
                                              .min = 1,
                                              .max = 600,
                                              .when = gstkit::When::ready};
template <class Impl>
constexpr gstkit::Property<Impl> window_row{.name = "window",
                                            .blurb = "Segments that a manifest lists; 0: all",
                                            .member = &SinkSettings::window,
                                            .max = 100'000,
                                            .when = gstkit::When::ready};
template <class Impl>
constexpr gstkit::Property<Impl> delete_row{.name = "delete-old-files",
                                            .blurb = "Delete segments some time after they left the window",
                                            .member = &SinkSettings::delete_old_files,
                                            .when = gstkit::When::ready};

struct HlsTraits {
  using Shell = TarnHlsManifestSink;
  static constexpr timeline::Protocol protocol = timeline::Protocol::hls_cmaf;
  template <class Impl>
  static constexpr auto rows() {
    return std::array{location_row<Impl>,
                      name_row<Impl>,
                      duration_row<Impl>,
                      window_row<Impl>,
                      delete_row<Impl>,
                      TARN_OUTPUT_ROWS(Impl),
                      gstkit::Property<Impl>{.name = "playlist-type",
                                             .blurb = "EXT-X-PLAYLIST-TYPE; other than none lists everything",
                                             .member = gstkit::enumeration<&SinkSettings::playlist_type>(
                                                 tarn_playlist_type_get_type),
                                             .when = gstkit::When::ready},
                      gstkit::Property<Impl>{.name = "program-date-time-interval",
                                             .blurb = "Seconds between EXT-X-PROGRAM-DATE-TIME tags; 0: none",
                                             .member = &SinkSettings::program_date_time_interval,
                                             .max = 3600,
                                             .when = gstkit::When::ready}};
  }
};

struct DashTraits {
  using Shell = TarnDashManifestSink;
  static constexpr timeline::Protocol protocol = timeline::Protocol::dash;
  template <class Impl>
  static constexpr auto rows() {
    return std::array{location_row<Impl>,
                      name_row<Impl>,
                      duration_row<Impl>,
                      window_row<Impl>,
                      delete_row<Impl>,
                      TARN_OUTPUT_ROWS(Impl),
                      gstkit::Property<Impl>{.name = "utc-timing-url",
                                             .blurb = "Where players of a dynamic MPD ask for the time "
                                                      "(urn:mpeg:dash:utc:http-iso:2014); empty: nowhere",
                                             .member = &SinkSettings::utc_timing_url,
                                             .when = gstkit::When::ready}};
  }
};

using HlsManifestSink = ManifestSink<HlsTraits>;
using DashManifestSink = ManifestSink<DashTraits>;

}  // namespace
}  // namespace tarn::manifest

struct _TarnHlsManifestSink {
  GstElement parent;
  tarn::manifest::HlsManifestSink* impl;
};
struct _TarnDashManifestSink {
  GstElement parent;
  tarn::manifest::DashManifestSink* impl;
};
G_DEFINE_FINAL_TYPE(TarnHlsManifestSink, tarn_hls_manifest_sink, GST_TYPE_ELEMENT)
G_DEFINE_FINAL_TYPE(TarnDashManifestSink, tarn_dash_manifest_sink, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(hlsmanifestsink, "hlsmanifestsink", GST_RANK_NONE, TARN_TYPE_HLS_MANIFEST_SINK)
GST_ELEMENT_REGISTER_DEFINE(dashmanifestsink, "dashmanifestsink", GST_RANK_NONE, TARN_TYPE_DASH_MANIFEST_SINK)

namespace tarn::manifest {
namespace {

GstStaticPadTemplate cmaf_template = GST_STATIC_PAD_TEMPLATE("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST,
                                                             GST_STATIC_CAPS(gstkit::cmaf_caps_template));
GstStaticPadTemplate any_template = GST_STATIC_PAD_TEMPLATE(
    "sink_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS(TARN_CMAF_CAPS "; " TARN_TRANSPORT_CAPS));

gpointer parent_class_of(const HlsManifestSink*) { return tarn_hls_manifest_sink_parent_class; }
gpointer parent_class_of(const DashManifestSink*) { return tarn_dash_manifest_sink_parent_class; }

}  // namespace

// ---- states

template <class Traits>
Status ManifestSink<Traits>::start() {
  const Settings wanted = settings.copy();
  if (wanted.location.empty()) return Error{ErrorCode::invalid, "location is empty"};
  if (!is_path_component(wanted.manifest_name + ".x")) {
    return Error{ErrorCode::invalid, "manifest-name '" + wanted.manifest_name + "' is no file name"};
  }
  BuilderSettings building;
  building.protocol = Traits::protocol;
  building.manifest_name = wanted.manifest_name;
  building.segment_duration = wanted.segment_duration;
  building.window = wanted.window;
  building.deletes = wanted.delete_old_files;
  building.time_url = wanted.utc_timing_url;
  if (wanted.playlist_type == PlaylistType::event) building.kind = timeline::Window::Kind::event;
  if (wanted.playlist_type == PlaylistType::vod) building.kind = timeline::Window::Kind::vod;
  if (wanted.program_date_time_interval > 0)
    building.program_date_time_interval = wanted.program_date_time_interval;
  const std::lock_guard lock{mutex_};
  TRY(open_output(wanted));
  for (Input& input : inputs_) {
    GstPad* const pad = input.pad;
    input = Input{};
    input.pad = pad;
    gst_segment_init(&input.segment, GST_FORMAT_TIME);
  }
  live_.forget();
  due_.reset();
  builder_.emplace(std::move(building));
  begun_ = stopped_ = false;
  failure_ = {};
  eos_posted_ = start_posted_ = false;
  eos_seqnum_ = GST_SEQNUM_INVALID;
  return {};
}

template <class Traits>
Status ManifestSink<Traits>::open_output(const Settings& wanted) {
  directory_.clear();
  servers_.clear();
  const auto is_url = [](const std::string& text) {
    return text.find("://") != std::string::npos && !text.starts_with("file:");
  };
  const auto open = [&](const std::string& url, const std::string& user,
                        const std::string& password) -> Status {
    TRY(check_base_url(url));
    const auto number = std::to_string(servers_.size() + 1);
    servers_.push_back(std::make_shared<HttpOutput>(
        HttpOutput::Target{url, user, password},
        [this, number](const HttpOutput::Trouble& trouble) { tell(number, trouble); }));
    return {};
  };
  const bool has_directory = !is_url(wanted.location);
  if (!has_directory) TRY(open(wanted.location, wanted.user_id, wanted.user_pw));
  if (!wanted.second_location.empty())
    TRY(open(wanted.second_location, wanted.second_user_id, wanted.second_user_pw));
  if (!has_directory) return {};
  directory_ = TRY(directory_of(wanted.location));
  return make_directory(directory_);
}

// Of a server, on its thread; or, of what is no refusal, on who pushes. A pipeline whose files nobody wants
// ends at once.
template <class Traits>
void ManifestSink<Traits>::tell(const std::string& number, const HttpOutput::Trouble& trouble) {
  const std::string what = "server " + number + ": " + trouble.what;
  bool is_over = false;
  if (trouble.is_refused) {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
    is_over = directory_.empty() && std::all_of(servers_.begin(), servers_.end(),
                                                [](const auto& server) { return server->is_refused(); });
    if (is_over && !first_failure(Error{ErrorCode::io, what})) return;
    changed_.notify_all();
  }
  if (!is_over) {
    GST_ELEMENT_WARNING(shell_, RESOURCE, WRITE, ("%s", what.c_str()), (nullptr));
  } else if (trouble.for_credentials) {
    GST_ELEMENT_ERROR(shell_, RESOURCE, NOT_AUTHORIZED, ("%s", what.c_str()), (nullptr));
  } else {
    GST_ELEMENT_ERROR(shell_, RESOURCE, WRITE, ("%s", what.c_str()), (nullptr));
  }
}

template <class Traits>
GstStateChangeReturn ManifestSink<Traits>::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (Status status = start(); !status) {
      gstkit::post_error(GST_ELEMENT_CAST(shell_), status.error());
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    const std::lock_guard lock{mutex_};
    stopped_ = true;
    for (const auto& server : servers_) server->stop();  // an EOS may be waiting for it
    changed_.notify_all();
  }
  const auto result =
      GST_ELEMENT_CLASS(parent_class_of(this))->change_state(GST_ELEMENT_CAST(shell_), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    Servers closed;  // their threads end without the lock
    const std::lock_guard lock{mutex_};
    builder_.reset();
    begun_ = false;
    closed.swap(servers_);
  }
  return result;
}

// ---- pads

template <class Traits>
GstPad* ManifestSink<Traits>::request_new_pad(GstPadTemplate* pad_template, const gchar* name,
                                              const GstCaps* /*caps*/) {
  GstPad* const pad = gstkit::new_request_pad(GST_ELEMENT_CAST(shell_), pad_template, "sink_", name);
  if (pad == nullptr) return nullptr;
  {
    const std::lock_guard lock{mutex_};
    if (begun_) {
      GST_WARNING_OBJECT(shell_, "no new track after the first segment");
      (void)Ref<GstPad>::adopt(pad);
      return nullptr;
    }
    Input& input = inputs_.emplace_back();
    input.pad = pad;
    gst_segment_init(&input.segment, GST_FORMAT_TIME);
  }
  gst_pad_set_chain_function(pad, gstkit::pad_thunk<&ManifestSink::chain>);
  gst_pad_set_event_function(pad, gstkit::pad_thunk<&ManifestSink::sink_event>);
  if (gst_element_add_pad(GST_ELEMENT_CAST(shell_), pad) != FALSE) return pad;
  const std::lock_guard lock{mutex_};
  std::erase_if(inputs_, [pad](const Input& input) { return input.pad == pad; });
  return nullptr;
}

template <class Traits>
void ManifestSink<Traits>::release_pad(GstPad* pad) {
  set_flushing(pad, true);
  gst_pad_set_active(pad, FALSE);
  Result<bool> ended = false;
  std::optional<Error> news;
  {
    const std::lock_guard lock{mutex_};
    const Input* const input = find(pad);
    const timeline::TrackId track = input != nullptr ? input->track : 0;
    const bool is_awaited = input != nullptr && !input->ended;
    std::erase_if(inputs_, [pad](const Input& one) { return one.pad == pad; });
    if (builder_ && failure_ && is_awaited && !inputs_.empty()) ended = end_of_track(track);
    if (!ended.ok()) news = first_failure(ended.error());
    changed_.notify_all();
  }
  gst_element_remove_pad(GST_ELEMENT_CAST(shell_), pad);
  if (news) gstkit::post_error(GST_ELEMENT_CAST(shell_), *news);
  if (!ended.ok() || !*ended) return;
  // The caller is the application, which does not wait for servers.
  gst_element_call_async(
      GST_ELEMENT_CAST(shell_),
      [](GstElement* element, gpointer) { gstkit::impl_of<ManifestSink>(element)->finish(); }, nullptr,
      nullptr);
}

template <class Traits>
Result<bool> ManifestSink<Traits>::end_of_track(timeline::TrackId track) {
  TRY(begin_when_ready());
  if (track != 0) TRY(builder_->end_track(track, now()));
  const bool last = all_ended() && !std::exchange(eos_posted_, true);
  if (last) TRY(builder_->finish(now()));
  TRY(write());
  return last;
}

template <class Traits>
std::optional<Error> ManifestSink<Traits>::first_failure(const Status& status) {
  if (status || !failure_) return std::nullopt;
  failure_ = status;
  return status.error();
}

template <class Traits>
typename ManifestSink<Traits>::Input* ManifestSink<Traits>::find(GstPad* pad) {
  for (Input& input : inputs_) {
    if (input.pad == pad) return &input;
  }
  return nullptr;
}

template <class Traits>
bool ManifestSink<Traits>::all_ended() const {
  for (const Input& input : inputs_) {
    if (!input.ended) return false;
  }
  return true;
}

// ---- stream

// The first memory is what is in front of the payload where cmafpackager made it; other muxers' chunks are
// read whole.
template <class Traits>
Result<typename ManifestSink<Traits>::Held> ManifestSink<Traits>::read_chunk(GstBuffer* buffer) {
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
template <class Traits>
Result<typename ManifestSink<Traits>::Held> ManifestSink<Traits>::read_transport(TsReader& reader,
                                                                                 GstBuffer* buffer) {
  const auto memory = Ref<GstMemory>::adopt(gst_buffer_get_all_memory(buffer));
  Held held;
  held.parts.push_back(TRY(gstkit::blob_of(memory.get())));
  std::optional<std::int64_t> duration;
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) duration = gstkit::to_ticks(GST_BUFFER_DURATION(buffer), 90'000);
  held.told = duration;
  auto segment = TRY(reader.read(held.parts.front().bytes(), duration));
  held.start = segment.shares.front().start;
  held.duration = segment.shares.front().duration;
  held.shares = std::move(segment.shares);
  held.independent = segment.independent;
  held.has_changed = segment.has_changed;
  return held;
}

template <class Traits>
Status ManifestSink<Traits>::add_track(Input& input) {
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

// Something else is there, and this pad, or a track that it announces, is not for longer than it can be
// waited for: of live streams what is due, of a transport stream as much as may be held.
template <class Traits>
bool ManifestSink<Traits>::may_begin_without(const Input& input) const {
  const std::int64_t segment = std::int64_t{settings.copy().segment_duration} * GST_SECOND;
  for (const Input& other : inputs_) {
    if (other.held.empty() || !other.is_known()) continue;
    const auto time = [&](std::int64_t ticks) { return rescale(ticks, timescale_of(other), 1'000'000'000); };
    const std::int64_t begin = time(other.held.front().start);
    const std::int64_t end = time(other.held.back().start + other.held.back().duration);
    if (&other == &input && end - begin >= builder_->most_held(GST_SECOND)) return true;
    if (due_ && other.offset && begin + segment <= *due_ + *other.offset) return true;
  }
  return false;
}

// Once every pad has its caps, and of transport streams all that they announce, all tracks are known.
template <class Traits>
Status ManifestSink<Traits>::begin_when_ready() {
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

template <class Traits>
Status ManifestSink<Traits>::take(Input& input, Held chunk) {
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
template <class Traits>
Status ManifestSink<Traits>::change_tracks(const Input& input) {
  std::vector<codecs::StreamInfo> infos;
  for (const timeline::TrackDescription& track : input.ts->tracks()) infos.push_back(track.info);
  return builder_->change_input(input.track, infos, {});
}

template <class Traits>
Status ManifestSink<Traits>::write() {
  const std::vector<FileAction> actions = builder_->take();
  for (const auto& server : servers_) server->put(actions);
  return directory_.empty() ? Status{} : carry_out(directory_, actions);
}

template <class Traits>
std::optional<std::int64_t> ManifestSink<Traits>::running_time(const Input& input, GstClockTime time) {
  if (!GST_CLOCK_TIME_IS_VALID(time) || input.segment.format != GST_FORMAT_TIME) return std::nullopt;
  guint64 value = 0;
  const int sign = gst_segment_to_running_time_full(&input.segment, GST_FORMAT_TIME, time, &value);
  if (sign == 0) return std::nullopt;
  return sign < 0 ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

template <class Traits>
Status ManifestSink<Traits>::take_buffer(Input& input, GstBuffer* buffer) {
  Held chunk = TRY(input.ts ? read_transport(*input.ts, buffer) : read_chunk(buffer));
  if (!input.is_known()) return malformed("a chunk before its caps");
  if (const auto running = running_time(input, GST_BUFFER_PTS(buffer)))
    input.offset = rescale(chunk.start, timescale_of(input), 1'000'000'000) - *running;
  TRY(take(input, std::move(chunk)));
  TRY(begin_when_ready());
  return write();
}

// Nobody waits for what does not come. A gap in front of the first chunk has no place on the track's
// timeline.
template <class Traits>
Status ManifestSink<Traits>::take_gap(Input& input, GstEvent* event) {
  GstClockTime time = GST_CLOCK_TIME_NONE;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  gst_event_parse_gap(event, &time, &duration);
  if (!begun_ || input.left_out || !input.offset || !GST_CLOCK_TIME_IS_VALID(time)) return {};
  if (GST_CLOCK_TIME_IS_VALID(duration)) time += duration;
  const auto running = running_time(input, time);
  if (!running) return {};
  const std::int64_t end = *running + *input.offset;
  TRY(builder_->advance_track(input.track, rescale(end, 1'000'000'000, timescale_of(input)), now()));
  return write();
}

template <class Traits>
void ManifestSink<Traits>::set_flushing(GstPad* pad, bool flushing) {
  const std::lock_guard lock{mutex_};
  if (Input* const input = find(pad)) input->flushing = flushing;
  changed_.notify_all();
}

// The pad that this one is far ahead of.
template <class Traits>
typename ManifestSink<Traits>::Input* ManifestSink<Traits>::awaited_by(const Input& input) {
  const auto awaited = begun_ ? builder_->waits_for(input.track) : std::nullopt;
  if (begun_ && !awaited) return nullptr;
  if (!begun_ && input.held.empty()) return nullptr;
  if (!begun_) {
    const Held& last = input.held.back();
    const std::int64_t length = last.start + last.duration - input.held.front().start;
    if (length <= builder_->most_held(timescale_of(input))) return nullptr;
  }
  for (Input& other : inputs_) {
    if (begun_ ? other.track == *awaited : &other != &input && !other.is_complete() && !other.ended)
      return &other;
  }
  return nullptr;
}

template <class Traits>
void ManifestSink<Traits>::note_due(std::optional<std::int64_t> running) {
  if (!running || !builder_) return;
  due_ = running;
  for (const Input& input : inputs_) {
    if (!input.offset) continue;
    builder_->set_due(*running + *input.offset);
    return;
  }
}

// Until the pad is no longer far ahead of another. What is awaited of live streams falls due meanwhile.
// Nothing: it is gone.
template <class Traits>
typename ManifestSink<Traits>::Input* ManifestSink<Traits>::wait_for_others(
    GstPad* pad, std::unique_lock<std::mutex>& lock) {
  using namespace std::chrono_literals;
  Input* input = nullptr;
  const auto may_go_on = [&] {
    input = find(pad);
    return stopped_ || input == nullptr || input->flushing || !failure_ || awaited_by(*input) == nullptr;
  };
  constexpr auto turn = 200ms;
  constexpr auto patience = 10s;
  for (auto waited = 0ms; !changed_.wait_for(lock, turn, may_go_on); waited += turn) {
    const Input* const awaited = awaited_by(*input);
    const auto other = awaited == nullptr ? Ref<GstPad>{} : Ref<GstPad>::share(awaited->pad);
    const bool is_long = other && waited >= patience && !std::exchange(input->told_waiting, true);
    lock.unlock();
    if (is_long) gstkit::tell_waiting(GST_ELEMENT_CAST(shell_), pad, other.get());
    const auto running = due();
    lock.lock();
    note_due(running);
  }
  return input;
}

template <class Traits>
std::vector<typename ManifestSink<Traits>::News> ManifestSink<Traits>::take_news() {
  std::vector<News> news;
  const auto add = [&](const Input& input, typename News::Kind kind, std::uint64_t number = 0) {
    news.push_back({kind, Ref<GstPad>::share(input.pad), number});
  };
  for (Input& input : inputs_) {
    if (input.has_long_chunks && !std::exchange(input.told_long, true)) add(input, News::Kind::long_chunks);
    if (input.left_out && !std::exchange(input.told_left_out, true)) add(input, News::Kind::left_out);
    if (!begun_ || input.track == 0) continue;
    const bool is_missing = builder_->is_missing(input.track);
    if (std::exchange(input.told_missing, is_missing) != is_missing)
      add(input, is_missing ? News::Kind::missing : News::Kind::there_again);
    const std::uint64_t dropped = builder_->dropped(input.track);
    if (std::exchange(input.dropped, dropped) != dropped) add(input, News::Kind::dropped, dropped);
    if (!input.ts) continue;
    if (const auto pid = input.ts->take_left_out()) add(input, News::Kind::left_out_track, *pid);
  }
  return news;
}

template <class Traits>
void ManifestSink<Traits>::tell(const std::vector<News>& news) const {
  const auto warn = [&](const std::string& what) {
    GST_ELEMENT_WARNING(shell_, STREAM, MUX, ("%s", what.c_str()), (nullptr));
  };
  for (const News& one : news) {
    const std::string name = GST_PAD_NAME(one.pad.get());
    switch (one.kind) {
      case News::Kind::missing:
      case News::Kind::there_again:
        gstkit::tell_missing(GST_ELEMENT_CAST(shell_), one.pad.get(), one.kind == News::Kind::missing);
        break;
      case News::Kind::left_out:
        warn(name + " has brought nothing before the first segment was due: it is left out");
        break;
      case News::Kind::left_out_track:
        warn(name + ": PID " + std::to_string(one.number) +
             " came after the first segment: it is in the segments, but the playlists do not know of it");
        break;
      case News::Kind::long_chunks:
        warn("chunks of " + name +
             " are longer than segments, of which some will have none: a smaller chunk-duration of "
             "cmafpackager "
             "helps");
        break;
      case News::Kind::dropped:
        GST_WARNING_OBJECT(
            shell_, "%s: a chunk came after its segment, and was dropped (%" G_GUINT64_FORMAT " so far)",
            name.c_str(), one.number);
        break;
    }
  }
}

// What a pad carries is settled by its first caps; its parameters may become others.
template <class Traits>
Status ManifestSink<Traits>::take_caps(Input& input, const GstCaps* caps) {
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

template <class Traits>
GstFlowReturn ManifestSink<Traits>::chain(GstPad* pad, GstBuffer* raw) {
  const auto buffer = Ref<GstBuffer>::adopt(raw);
  if (GST_BUFFER_FLAG_IS_SET(raw, GST_BUFFER_FLAG_HEADER)) return GST_FLOW_OK;
  std::optional<Error> failure;
  std::vector<News> news;
  const auto running = due();
  {
    std::unique_lock lock{mutex_};
    note_due(running);
    Input* const input = wait_for_others(pad, lock);
    if (stopped_ || input == nullptr || input->flushing) return GST_FLOW_FLUSHING;
    if (!failure_) return GST_FLOW_ERROR;  // said by whoever met it
    failure = first_failure(take_buffer(*input, raw));
    news = take_news();
    changed_.notify_all();
  }
  tell(news);
  return failure ? gstkit::post_error(GST_ELEMENT_CAST(shell_), *failure) : GST_FLOW_OK;
}

template <class Traits>
gboolean ManifestSink<Traits>::send_event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_LATENCY) live_.forget();
  return gstkit::send_upstream(GST_ELEMENT_CAST(shell_), event);
}

template <class Traits>
bool ManifestSink<Traits>::sink_event(GstPad* pad, GstEvent* raw) {
  const auto event = Ref<GstEvent>::adopt(raw);
  if (GST_EVENT_TYPE(raw) == GST_EVENT_FLUSH_START) set_flushing(pad, true);
  if (GST_EVENT_TYPE(raw) == GST_EVENT_FLUSH_STOP) set_flushing(pad, false);
  Status status;
  std::optional<Error> news;
  bool last = false;
  bool is_first = false;
  {
    const std::lock_guard lock{mutex_};
    Input* const input = find(pad);
    if (!builder_ || input == nullptr) return true;
    is_first = GST_EVENT_TYPE(raw) == GST_EVENT_STREAM_START && !std::exchange(start_posted_, true);
    if (GST_EVENT_TYPE(raw) == GST_EVENT_CAPS) {
      GstCaps* caps = nullptr;
      gst_event_parse_caps(raw, &caps);
      status = take_caps(*input, caps);
    } else if (auto announced = gstkit::parse<gstkit::TrackAnnounced>(raw)) {
      input->description = std::move(announced->track);
    } else if (gst_event_has_name(raw, gstkit::StretchBegin::name) != FALSE) {
      if (input->track != 0) builder_->begin_anew(input->track);
    } else if (GST_EVENT_TYPE(raw) == GST_EVENT_SEGMENT) {
      gst_event_copy_segment(raw, &input->segment);
    } else if (GST_EVENT_TYPE(raw) == GST_EVENT_GAP && failure_) {
      status = take_gap(*input, raw);
    } else if (GST_EVENT_TYPE(raw) == GST_EVENT_EOS && failure_) {
      input->ended = true;
      eos_seqnum_ = gst_event_get_seqnum(raw);
      const Result<bool> ended = end_of_track(input->track);
      if (!ended.ok()) status = ended.error();
      last = ended.ok() && *ended;
    }
    news = first_failure(status);
    changed_.notify_all();
  }
  if (news) gstkit::post_error(GST_ELEMENT_CAST(shell_), *news);
  if (is_first) post_start(raw);
  if (last) finish();
  return status.ok();
}

// EOS is posted when the servers have what is theirs. Nobody pushes any more; a stop ends the wait.
template <class Traits>
void ManifestSink<Traits>::finish() {
  Servers servers;
  bool is_taken = false;  // by anybody
  guint32 seqnum = GST_SEQNUM_INVALID;
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
    servers = servers_;
    is_taken = !directory_.empty();
    seqnum = eos_seqnum_;
  }
  constexpr std::chrono::seconds patience{30};  // with all of them together
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string why;
  for (const auto& server : servers) {
    const auto drained = server->drain(deadline);
    if (drained == HttpOutput::Drained::stopped) return;
    if (drained == HttpOutput::Drained::late)
      GST_ELEMENT_WARNING(shell_, RESOURCE, WRITE, ("the end of the stream could not be sent"), (nullptr));
    const auto refusal = server->refusal();
    if (!refusal) is_taken = true;
    why = refusal.value_or(why);
  }
  {
    const std::lock_guard lock{mutex_};
    if (!failure_) return;  // said by a server's thread
  }
  if (is_taken) return post_eos(seqnum);
  gstkit::post_error(GST_ELEMENT_CAST(shell_), {ErrorCode::io, "no server has taken anything: " + why});
}

template <class Traits>
void ManifestSink<Traits>::post_start(GstEvent* event) {
  GstMessage* message = gst_message_new_stream_start(GST_OBJECT_CAST(shell_));
  guint group = 0;
  if (gst_event_parse_group_id(event, &group) != FALSE) gst_message_set_group_id(message, group);
  gst_message_set_seqnum(message, gst_event_get_seqnum(event));
  gst_element_post_message(GST_ELEMENT_CAST(shell_), message);
}

template <class Traits>
void ManifestSink<Traits>::post_eos(guint32 seqnum) {
  GstMessage* message = gst_message_new_eos(GST_OBJECT_CAST(shell_));
  if (seqnum != GST_SEQNUM_INVALID) gst_message_set_seqnum(message, seqnum);
  gst_element_post_message(GST_ELEMENT_CAST(shell_), message);
}

namespace {

template <class Impl, class Class>
void init_class(Class* klass, GstStaticPadTemplate* pad_template) {
  GST_DEBUG_CATEGORY_INIT(manifestsink_debug, "manifestsink", 0, "HLS and DASH as files");
  gstkit::finalize_with<Impl>(G_OBJECT_CLASS(klass));
  gstkit::install_properties<Impl>(G_OBJECT_CLASS(klass));
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = gstkit::thunk<&Impl::change_state>;
  element->send_event = gstkit::thunk<&Impl::send_event>;
  element->request_new_pad = gstkit::thunk<&Impl::request_new_pad>;
  element->release_pad = gstkit::thunk<&Impl::release_pad>;
  gst_element_class_add_static_pad_template(element, pad_template);
}

}  // namespace
}  // namespace tarn::manifest

static void tarn_hls_manifest_sink_init(TarnHlsManifestSink* self) {
  self->impl = new tarn::manifest::HlsManifestSink{self};
  GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SINK);
}
static void tarn_hls_manifest_sink_class_init(TarnHlsManifestSinkClass* klass) {
  tarn::manifest::init_class<tarn::manifest::HlsManifestSink>(klass, &tarn::manifest::any_template);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "HLS manifest sink", "Sink/Muxer",
                                        "Writes HLS with CMAF or TS segments into a directory or to servers",
                                        "The Tarn authors");
}

static void tarn_dash_manifest_sink_init(TarnDashManifestSink* self) {
  self->impl = new tarn::manifest::DashManifestSink{self};
  GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SINK);
}
static void tarn_dash_manifest_sink_class_init(TarnDashManifestSinkClass* klass) {
  tarn::manifest::init_class<tarn::manifest::DashManifestSink>(klass, &tarn::manifest::cmaf_template);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "DASH manifest sink", "Sink/Muxer",
                                        "Writes MPEG-DASH with CMAF segments into a directory or to servers",
                                        "The Tarn authors");
}
