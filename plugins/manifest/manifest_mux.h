// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/timeline/output.h"
#include "gstkit/caps.h"
#include "gstkit/live_clock.h"
#include "gstkit/ref.h"
#include "manifest/http_output.h"
#include "manifest/manifest_builder.h"
#include "manifest/ts_reader.h"

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

// What hlsmanifestsink and dashmanifestsink have in common: media from several request pads, in step, to a
// builder, and what that makes to a directory and servers. Called by the elements, which own the pads; works
// on the threads that push.
class ManifestMux {
 public:
  ManifestMux(GstElement* element, timeline::Protocol protocol)
      : element_(element), protocol_(protocol), live_(element) {}

  // READY to PAUSED; nothing is written before.
  Status start(SinkSettings settings);
  // PAUSED to READY: wakes who waits, before the pads are deactivated.
  void stop();
  // And when they are.
  void close();

  // A pad, not yet added to the element; its functions are the caller's. nullptr: not now, or not this name.
  GstPad* open_pad(GstPadTemplate* pad_template, const gchar* name);
  // It could not be added, and is gone.
  void forget_pad(GstPad* pad);
  struct Released {
    std::optional<Error> failure;  // to be posted
    bool is_last = false;          // finish() is due, on another thread: it waits for servers
  };
  // Before the pad is removed from the element.
  Released release_pad(GstPad* pad);

  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer);
  bool sink_event(GstPad* pad, GstEvent* event);
  // The latency of the pipeline has changed.
  void ask_latency() { live_.forget(); }
  // EOS is posted when the servers have what is theirs. Nobody pushes any more; a stop ends the wait.
  void finish();

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
    timeline::TrackId track = 0;             // in the builder
    std::optional<std::uint32_t> stretch{};  // as upstream says it
    std::vector<Held> held;                  // until all tracks are known
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
    enum class Kind { missing, there_again, left_out, left_out_track, long_chunks, dropped, given_up };
    Kind kind = Kind::missing;
    Ref<GstPad> pad{};
    std::uint64_t number = 0;
    std::size_t server = 0;  // from 1 on
  };

  Status open_output();
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
  std::optional<gstkit::LiveClock::Reading> read_clock() {
    return live_.read(settings_.segment_duration * GST_SECOND);
  }
  [[nodiscard]] bool may_begin_without(const Input& input) const;
  [[nodiscard]] Input* awaited_by(const Input& input);
  void note_due(const std::optional<gstkit::LiveClock::Reading>& reading);
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

  GstElement* element_;
  const timeline::Protocol protocol_;
  SinkSettings settings_;  // while PAUSED or PLAYING
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = true;
  std::vector<Input> inputs_;               // in the order of the pads
  std::optional<ManifestBuilder> builder_;  // while PAUSED or PLAYING
  std::string directory_;                   // empty: no files
  Servers servers_;
  bool begun_ = false;
  gstkit::LiveClock live_;
  std::optional<gstkit::LiveClock::Reading> reading_;  // the last
  Status failure_;                                     // the first; nothing is written after it
  bool eos_posted_ = false;
  bool start_posted_ = false;
  guint32 eos_seqnum_ = GST_SEQNUM_INVALID;
};

}  // namespace tarn::manifest
