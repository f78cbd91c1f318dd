// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gstkit/ref.h"
#include "ingest/ingest_session.h"

namespace tarn::ingest {

// The source pads of one input, one a track, and the outputs of its session as events and buffer
// lists on them. One thread at a time, which becomes the streaming thread; holds no lock.
class TrackPads {
 public:
  explicit TrackPads(GstElement* element) : element_(element) {}

  // A flow other than OK when a pad's peer failed or all are being shut down. Pads that nobody has
  // linked are no error.
  GstFlowReturn carry_out(const Output& output);
  // What downstream says about the position of new timestamps.
  [[nodiscard]] std::optional<std::int64_t> timeline_edge() const;
  [[nodiscard]] bool has_any() const { return !tracks_.empty(); }
  void end_of_stream();
  void remove_all();

 private:
  struct Track {
    gstkit::Ref<GstPad> pad;
    gstkit::Ref<GstStream> stream;
    timeline::TrackDescription description;
    bool begins = true;                // has not had a segment event since the session began
    bool told = false;                 // has the current tags and tarn/track event
    bool collected = false;            // has the current collection
    GstFlowReturn flow = GST_FLOW_OK;  // of the last push
    bool discont = false;              // the next buffer is the first of a session
  };

  GstFlowReturn take(const SessionBegan& began);
  GstFlowReturn take(const TracksKnown& known);
  GstFlowReturn take(const TimelineBegan& began);
  GstFlowReturn take(const ProgramTimeKnown& known);
  GstFlowReturn take(const UnitRun& run);
  GstFlowReturn take(const SegmentOver& over);
  GstFlowReturn take(const ListOver& over);

  Track* find(const std::string& key);
  void add(const timeline::TrackDescription& description);
  void change(Track& track, const timeline::TrackDescription& description);
  void remove(Track& track);
  void push_caps(const Track& track);
  // The streams there are now, on the bus and with the next announce() on every pad.
  void collect();
  // Position: the end of what was pushed, as stream time; nothing can be sought.
  gboolean answer(GstPad* pad, GstObject* parent, GstQuery* query) const;
  // Segment, tarn/track and tarn/tracks, on all pads, before anything else is said about them.
  void announce();
  // NOT_LINKED: nobody listens at all.
  [[nodiscard]] GstFlowReturn combined(GstFlowReturn flow) const;
  GstFlowReturn push_event_everywhere(const gstkit::Ref<GstEvent>& event);
  gstkit::Ref<GstBufferList> buffers_of(Track& track, const UnitRun& run);

  GstElement* element_;
  std::vector<Track> tracks_;
  std::optional<guint> group_;
  gstkit::Ref<GstStreamCollection> collection_;
  std::optional<std::size_t> told_keys_;  // how many tracks were last announced as linked
  GstSegment segment_{};
  GstClockTime edge_ = GST_CLOCK_TIME_NONE;                   // end of what was pushed of the session
  std::atomic<GstClockTime> position_ = GST_CLOCK_TIME_NONE;  // its stream time, for queries from any thread
};

}  // namespace tarn::ingest
