// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/timeline/merger.h"
#include "gstkit/ref.h"
#include "ingest/unit_gatherer.h"

namespace tarn::ingest {

// One input of the selector: its pads as tracks, and the translation of what comes on them into the
// merger's language. The merger hears of an input's units only when all tracks of the input are known;
// what comes before is kept (bounded). The owner serializes all calls.
class InputTracks {
 public:
  // What every call that may reach the merger brings.
  struct Context {
    timeline::Merger& merger;
    Monotonic now;
    Utc now_utc;
  };

  explicit InputTracks(timeline::InputId input) : input_(input) {}

  void add_pad(GstPad* pad);
  void remove_pad(GstPad* pad);
  // The same for a pad that may have brought something; it is no longer waited for.
  void release_pad(const Context& context, GstPad* pad);
  [[nodiscard]] bool has_pads() const { return !tracks_.empty(); }

  void set_caps(const Context& context, GstPad* pad, codecs::StreamInfo info);
  void set_segment(GstPad* pad, const GstSegment& segment);
  void announce_track(GstPad* pad, timeline::TrackDescription description);
  void announce_keys(std::vector<std::string> keys);

  // False when the pad has no caps yet.
  bool add(const Context& context, GstPad* pad, gstkit::Ref<GstBuffer> buffer);
  bool add_list(const Context& context, GstPad* pad, GstBufferList* list);
  void program_date_time(const Context& context, GstPad* pad, std::int64_t time, Utc utc);
  void segment_end(const Context& context, GstPad* pad);
  void discontinuity(const Context& context, std::uint64_t session);
  void end_of_list(const Context& context);

  void begin_of_pad(GstPad* pad);  // after an end, too
  void end_of_pad(const Context& context, GstPad* pad);
  [[nodiscard]] bool all_pads_ended() const;

 private:
  struct Track {
    GstPad* pad = nullptr;
    std::optional<codecs::StreamInfo> info;
    timeline::TrackDescription description;
    // By a tarn/track event, and then buffers have the media times of the programme. Else the description
    // is made here, and buffers are moved to their running times, so that all pads agree.
    bool announced = false;
    GstSegment segment;
    std::optional<UnitGatherer> gatherer;
    bool ended = false;
  };
  using TrackPtr = std::shared_ptr<Track>;
  using Step = std::function<void(const Context&)>;

  // Running times may begin a little below zero, times of the programme may not.
  static constexpr GstClockTime running_time_origin = 3600 * GST_SECOND;
  // What waits for the tracks to be known: at most this many calls, then they are taken as they are.
  static constexpr std::size_t max_held = 10'000;

  [[nodiscard]] TrackPtr find(GstPad* pad) const;
  static gstkit::Ref<GstBuffer> timed(const Track& track, gstkit::Ref<GstBuffer> buffer);
  void tell(const Context& context, Step step);
  void give(const Context& context, const TrackPtr& track, std::optional<timeline::Unit> unit);
  void flush(const Context& context, const TrackPtr& track);
  void flush_all(const Context& context);
  void name_tracks();
  [[nodiscard]] bool complete() const;
  [[nodiscard]] std::vector<timeline::TrackDescription> descriptions() const;

  timeline::InputId input_;
  std::vector<TrackPtr> tracks_;
  std::optional<std::vector<std::string>> keys_;  // as tarn/tracks said
  std::optional<std::vector<timeline::TrackDescription>> told_;
  bool changed_ = true;  // since told_
  std::vector<Step> held_;
  std::optional<std::uint64_t> session_;
  bool ended_ = false;
};

}  // namespace tarn::ingest
