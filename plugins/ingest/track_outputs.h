// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/timeline/merger.h"
#include "gstkit/events.h"
#include "gstkit/ref.h"

namespace tarn::ingest {

// ingestselector's source pads: one per track, made when the first stretch that has the track begins.
// Turns decisions into the events and buffer lists of docs/architecture.md. One thread at a time.
class TrackOutputs {
 public:
  explicit TrackOutputs(GstElement* element) : element_(element) {}

  // A merger that resumes says nothing about the stretch that it continues: it is announced with the first
  // part or slot, unless another one begins.
  void resume(std::optional<timeline::Stretch> stretch) { continued_ = std::move(stretch); }

  // First every pad of the stretch gets its caps, so that whoever is downstream knows all tracks before
  // the first part; then every pad hears of the stretch.
  GstFlowReturn begin(const timeline::StretchStarted& started);
  GstFlowReturn push(const timeline::PartDecided& part, bool late = false);
  GstFlowReturn list(const timeline::SlotListed& slot);
  GstFlowReturn stream_ended();
  void end_of_stream();

  // Leading pictures of an input that were left out (semantics S35). Any thread.
  [[nodiscard]] std::uint64_t dropped(timeline::InputId input) const { return dropped_.at(input); }

  // Removes the pads. REQUIRES: they are inactive
  void remove_all();

 private:
  struct Output {
    GstPad* pad = nullptr;  // the element's
    codecs::StreamInfo info;
    gstkit::Ref<GstCaps> caps;
    gstkit::Ref<GstStream> stream;
  };

  Output& output(const timeline::Track& track);
  gstkit::Ref<GstBufferList> buffers_of(const Output& output, const timeline::PartDecided& part);
  std::string pad_name(const timeline::Track& track) const;
  bool describe(const timeline::Track& track);
  // The stretch's streams, on the bus and on their pads, where they are others than before.
  void collect(const timeline::Stretch& stretch);
  GstFlowReturn push_event(timeline::TrackId track, gstkit::Ref<GstEvent> event);
  GstFlowReturn announce_continued();
  GstFlowReturn combined(GstFlowReturn flow) const;

  GstElement* element_;
  std::map<timeline::TrackId, Output> outputs_;
  std::optional<timeline::Stretch> continued_;
  timeline::TrackId reference_ = 0;
  bool complete_ = false;                     // no-more-pads has been sent
  std::vector<timeline::TrackId> collected_;  // of the last collection
  guint group_ = 0;
  std::array<std::atomic<std::uint64_t>, 2> dropped_{};
};

}  // namespace tarn::ingest
