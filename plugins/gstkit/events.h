// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/timeline/merger.h"
#include "core/timeline/timeline.h"
#include "gstkit/ref.h"
#include "gstkit/structure_io.h"

// What Tarn's elements say to each other beside buffers and caps (docs/architecture.md): one struct per
// event. `to_event(PartBegin{…})` makes it, `parse<PartBegin>(event)` reads it and is empty for any
// other event. All are serialized, downstream.
namespace tarn::gstkit {

// The track that this pad's stream is; its StreamInfo is in the caps, not here.
struct TrackAnnounced {
  static constexpr char name[] = "tarn/track";
  static constexpr bool sticky = true;
  timeline::TrackDescription track{};
  static void fields(auto& self, auto& io) {
    io("key", self.track.key);
    io("language", self.track.language);
    io("name", self.track.name);
    io("default", self.track.is_default);
    io("forced", self.track.is_forced);
    io("autoselect", self.track.is_autoselect);
    io("characteristics", self.track.characteristics);
    io("captions", self.track.captions);
    io("variants", self.track.variants);
  }
};

// All tracks of this input whose pads are linked, from its next unit on.
struct TracksAnnounced {
  static constexpr char name[] = "tarn/tracks";
  static constexpr bool sticky = true;
  std::vector<std::string> keys{};
  static void fields(auto& self, auto& io) { io("keys", self.keys); }
};

struct ProgramDateTime {
  static constexpr char name[] = "tarn/program-date-time";
  static constexpr bool sticky = false;
  std::int64_t time = 0;  // ticks of the pad's track
  Utc utc{};
  static void fields(auto& self, auto& io) {
    io("time", self.time);
    io("utc", self.utc);
  }
};

// A new session of the input begins; sent on every pad with the same number, counted once.
struct Discontinuity {
  static constexpr char name[] = "tarn/discontinuity";
  static constexpr bool sticky = false;
  std::uint64_t session = 0;
  static void fields(auto& self, auto& io) { io("session", self.session); }
};

// From hlsingestsrc: what the input segment carried of this track has been pushed. From archivesrc:
// the answer is complete.
struct SegmentEnd {
  static constexpr char name[] = "tarn/segment-end";
  static constexpr bool sticky = false;
  std::uint64_t media_sequence = 0;
  static void fields(auto& self, auto& io) { io("media-sequence", self.media_sequence); }
};

// EXT-X-ENDLIST.
struct EndOfList {
  static constexpr char name[] = "tarn/end-of-list";
  static constexpr bool sticky = false;
  static void fields(auto& /*self*/, auto& /*io*/) {}
};

// The stretch that all later parts belong to; on every track's pad, before the first part of any.
// `tracks` and `keys` go in pairs.
struct StretchBegin {
  static constexpr char name[] = "tarn/stretch";
  static constexpr bool sticky = true;
  std::uint32_t id = 0;
  std::uint64_t first_slot = 0;
  Utc start_utc{};
  std::int64_t start_time = 0;  // ticks of the reference track
  timeline::TrackId reference = 0;
  std::vector<timeline::TrackId> tracks{};
  std::vector<std::string> keys{};
  std::string reason{};
  static void fields(auto& self, auto& io) {
    io("id", self.id);
    io("first-slot", self.first_slot);
    io("start-utc", self.start_utc);
    io("start-time", self.start_time);
    io("reference", self.reference);
    io("tracks", self.tracks);
    io("keys", self.keys);
    io("reason", self.reason);
  }
};

// The next buffer list (after cmafpackager: the next buffer) is this track's part of the slot.
struct PartBegin {
  static constexpr char name[] = "tarn/part";
  static constexpr bool sticky = false;
  std::uint64_t slot = 0;
  timeline::TrackId track = 0;
  std::int64_t start = 0;  // ticks of the track
  bool independent = true;
  timeline::InputId input = 0;
  bool late = false;  // the slot was listed without it: it goes to the archive only (semantics S4)
  static void fields(auto& self, auto& io) {
    io("slot", self.slot);
    io("track", self.track);
    io("start", self.start);
    io("independent", self.independent);
    io("input", self.input);
    io("late", self.late);
  }
};

// The slot is complete: publish it. On the reference track's pad, after all parts of the slot.
struct SlotComplete {
  static constexpr char name[] = "tarn/slot";
  static constexpr bool sticky = false;
  timeline::SlotListed slot{};
  static void fields(auto& self, auto& io) {
    io("number", self.slot.number);
    io("stretch", self.slot.stretch);
    io("start", self.slot.start);
    io("end", self.slot.end);
    io("utc", self.slot.utc);
    io("missing", self.slot.missing);
  }
};

// The last living input ended.
struct StreamEnded {
  static constexpr char name[] = "tarn/stream-ended";
  static constexpr bool sticky = false;
  static void fields(auto& /*self*/, auto& /*io*/) {}
};

// What follows answers this request: whole slots of these tracks.
struct SegmentBegin {
  static constexpr char name[] = "tarn/segment-begin";
  static constexpr bool sticky = false;
  std::uint64_t first_slot = 0;
  std::uint32_t slot_count = 0;
  std::vector<timeline::TrackId> tracks{};
  static void fields(auto& self, auto& io) {
    io("first-slot", self.first_slot);
    io("slot-count", self.slot_count);
    io("tracks", self.tracks);
  }
};

// The chunks that follow are this track's; `caps` are its CMAF caps.
struct TrackBegin {
  static constexpr char name[] = "tarn/track-begin";
  static constexpr bool sticky = false;
  timeline::TrackId track = 0;
  Ref<GstCaps> caps{};
  static void fields(auto& self, auto& io) {
    io("track", self.track);
    io("caps", self.caps);
  }
};

template <class Event>
Ref<GstEvent> to_event(const Event& event) {
  GstStructure* structure = gst_structure_new_empty(Event::name);
  StructureWriter io{structure};
  Event::fields(event, io);
  const auto type = Event::sticky ? GST_EVENT_CUSTOM_DOWNSTREAM_STICKY : GST_EVENT_CUSTOM_DOWNSTREAM;
  return Ref<GstEvent>::adopt(gst_event_new_custom(type, structure));
}

// Empty also when a field is missing or of the wrong type.
template <class Event>
std::optional<Event> parse(GstEvent* event) {
  if (!gst_event_has_name(event, Event::name)) return std::nullopt;
  Event result;
  StructureReader io{gst_event_get_structure(event)};
  Event::fields(result, io);
  if (!io.ok()) return std::nullopt;
  return result;
}

// Query upstream's source → ingestselector: the 90 kHz position that 33-bit timestamps unwrap to.
Ref<GstQuery> new_timeline_edge_query();
bool is_timeline_edge_query(GstQuery* query);
void answer_timeline_edge(GstQuery* query, std::int64_t edge_90k);
// What the peer of `pad` says; empty when nobody knows.
std::optional<std::int64_t> ask_timeline_edge(GstPad* pad);

}  // namespace tarn::gstkit
