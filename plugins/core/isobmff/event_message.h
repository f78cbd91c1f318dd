// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/codecs/event_message.h"

// DASHEventMessageBox, `emsg` (ISO/IEC 23009-1 5.10.3.3), and its form without a timeline of its own,
// EventMessageInstanceBox, `emib` (ISO/IEC 23001-18 6.1).
namespace tarn::isobmff {

struct EventBox {
  codecs::EventMessage message;  // duration in `timescale`; delta unused
  std::uint32_t timescale = 0;   // never 0
  bool is_relative = false;      // version 0: `time` counts from the segment's earliest presentation time
  std::int64_t time = 0;         // ticks of `timescale`
};
// What is behind the box header of an emsg. Nothing when it is malformed, of an unknown version, or larger
// than the limits of codecs/event_message.h.
std::optional<EventBox> parse_event_box(Bytes payload);
// Appends an emsg of version 1 that is at `time`; `timescale` is the track's (ISO/IEC 23000-19 7.4.5).
// REQUIRES: time >= 0
void append_event_box(ByteVector& out, const codecs::EventMessage& message, std::uint32_t timescale,
                      std::int64_t time);

// The emsg boxes in front of the moof boxes of chunks that lie back to back, and of which of these.
struct ChunkEvent {
  EventBox box;
  std::size_t chunk = 0;
};
// As far as `chunks` can be read: boxes after a malformed one are not looked for.
std::vector<ChunkEvent> events_of_chunks(Bytes chunks);

// Moves the emsg boxes of all chunks of a segment in front of its first one, where ISO/IEC 23009-1 5.10.3.3.1
// wants them. Each chunk is a list of blobs, of which the first holds all that is in front of the payload.
void gather_events(std::vector<std::vector<Blob>>& chunks);

// emib boxes back to back.
ByteVector write_event_instances(std::span<const codecs::EventMessage> messages);
std::vector<codecs::EventMessage> read_event_instances(Bytes boxes);

}  // namespace tarn::isobmff
