// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <span>
#include <vector>

#include "core/codecs/event_message.h"

// Timed metadata travels with the access unit it was said with: as GstCustomMeta "TarnEventMessages" on its
// buffer, whose structure has the field `instances`, a GstBuffer of `emib` boxes (ISO/IEC 23001-18), times in
// ticks of the stream.
namespace tarn::gstkit {

// In place of what it has. REQUIRES: `buffer` is writable
void attach_events(GstBuffer* buffer, std::span<const codecs::EventMessage> messages);
std::vector<codecs::EventMessage> events_of(GstBuffer* buffer);

}  // namespace tarn::gstkit
