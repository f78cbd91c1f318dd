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
 * the same host and port, and to that host over https, and every file begins at `location` again.
 *
 * Encrypted tracks (of `cencenc`) are refused: these manifests name no keys.
 *
 * All pads must be there and have caps before a segment is written. A pad that is two segments and a minute
 * ahead of another waits in its chain. Live streams are waited for until they are late by `segment-duration`,
 * beyond the latency that is upstream; then segments go on without them (a warning), until they are there
 * again. One that was not there for the first segment is left out. Where a track's parameters change, or an
 * encoder began anew (its times go back, or a `tarn/stretch` event says so), the manifests have a
 * discontinuity, and the track a header of its own; its codec stays, and of audio the sample rate. Does not
 * sync to the clock and does not preroll. EOS is posted when every pad got it, or was released, and the
 * servers have what is theirs (or 30 s have passed: a warning). A directory that cannot be made or written is
 * an element error at the start, a full or failing disk when it is met, and so is an end at which no server
 * has taken anything and there is no directory.
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
 * from https to http; credentials go along to the same host and port, and to that host over https, and
 * every file begins at `location` again.
 *
 * Encrypted tracks (of `cencenc`) are refused: these manifests name no keys.
 *
 * All pads must be there and have caps before a segment is written. A pad that is two segments and a minute
 * ahead of another waits in its chain. Live streams are waited for until they are late by `segment-duration`,
 * beyond the latency that is upstream; then segments go on without them (a warning), until they are there
 * again. One that was not there for the first segment is left out. Where a track's parameters change, or an
 * encoder began anew (its times go back, or a `tarn/stretch` event says so), a Period begins, and the track
 * has a header of its own; its codec stays, and of audio the sample rate. Does not sync to the clock and does
 * not preroll. EOS is posted when every pad got it, or was released, and the servers have what is theirs (or
 * 30 s have passed: a warning). A directory that cannot be made or written is an element error at the start,
 * a full or failing disk when it is met, and so is an end at which no server has taken anything and there is
 * no directory.
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

#include <array>
#include <string>

#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/object.h"
#include "gstkit/pads.h"
#include "gstkit/properties.h"
#include "manifest/manifest_mux.h"

GST_DEBUG_CATEGORY(manifestsink_debug);
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

template <class Traits>
class ManifestSink {
 public:
  using Shell = typename Traits::Shell;
  using Settings = SinkSettings;
  gstkit::Guarded<Settings> settings;
  static constexpr auto properties = Traits::template rows<ManifestSink>();

  explicit ManifestSink(Shell* shell)
      : shell_(GST_ELEMENT_CAST(shell)), mux_(GST_ELEMENT_CAST(shell), Traits::protocol) {}

  GstStateChangeReturn change_state(GstStateChange transition);
  GstPad* request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps* caps);
  void release_pad(GstPad* pad);
  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer) { return mux_.chain(pad, buffer); }
  bool sink_event(GstPad* pad, GstEvent* event) { return mux_.sink_event(pad, event); }
  gboolean send_event(GstEvent* event);

 private:
  GstElement* shell_;
  ManifestMux mux_;
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

template <class Traits>
GstStateChangeReturn ManifestSink<Traits>::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (Status status = mux_.start(settings.copy()); !status) {
      gstkit::post_error(shell_, status.error());
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) mux_.stop();
  const auto result = GST_ELEMENT_CLASS(parent_class_of(this))->change_state(shell_, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) mux_.close();
  return result;
}

template <class Traits>
GstPad* ManifestSink<Traits>::request_new_pad(GstPadTemplate* pad_template, const gchar* name,
                                              const GstCaps* /*caps*/) {
  GstPad* const pad = mux_.open_pad(pad_template, name);
  if (pad == nullptr) return nullptr;
  gst_pad_set_chain_function(pad, gstkit::pad_thunk<&ManifestSink::chain>);
  gst_pad_set_event_function(pad, gstkit::pad_thunk<&ManifestSink::sink_event>);
  if (gst_element_add_pad(shell_, pad) != FALSE) return pad;
  mux_.forget_pad(pad);
  return nullptr;
}

template <class Traits>
void ManifestSink<Traits>::release_pad(GstPad* pad) {
  const auto released = mux_.release_pad(pad);
  gst_element_remove_pad(shell_, pad);
  if (released.failure) gstkit::post_error(shell_, *released.failure);
  if (!released.is_last) return;
  // The caller is the application, which does not wait for servers.
  gst_element_call_async(
      shell_, [](GstElement* element, gpointer) { gstkit::impl_of<ManifestSink>(element)->mux_.finish(); },
      nullptr, nullptr);
}

template <class Traits>
gboolean ManifestSink<Traits>::send_event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_LATENCY) mux_.ask_latency();
  return gstkit::send_upstream(shell_, event);
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
