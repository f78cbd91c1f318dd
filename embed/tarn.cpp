// SPDX-License-Identifier: Apache-2.0
// The C API is all that this library shows.
#define TARN_API extern __attribute__((visibility("default")))
#include "tarn/tarn.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>

#include "archive/gstarchivesink.h"
#include "archive/gstarchivesrc.h"
#include "drm/gstcencenc.h"
#include "gstkit/event_messages.h"
#include "gstkit/ref.h"
#include "gstkit/structure_io.h"
#include "ingest/gsthlsingestsrc.h"
#include "ingest/gstingestselector.h"
#include "manifest/gstmanifestsink.h"
#include "package/gstcmafpackager.h"
#include "package/gsttspackager.h"

namespace {

using tarn::gstkit::StructureReader;

template <class T, class U>
void give(T* out, U value) {
  if (out != nullptr) *out = static_cast<T>(value);
}
void give(gchar** out, const std::string& text) {
  if (out != nullptr) *out = g_strdup(text.c_str());
}

// The structure of an element message with this name, else null.
const GstStructure* structure_of(GstMessage* message, const char* name) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ELEMENT) return nullptr;
  const GstStructure* structure = gst_message_get_structure(message);
  return structure != nullptr && gst_structure_has_name(structure, name) != FALSE ? structure : nullptr;
}

// Of a plugin file that GStreamer knows: it may be loaded already, and a type is registered only once in a
// process.
bool is_known(const char* element) {
  return static_cast<bool>(tarn::gstkit::Ref<GstElementFactory>::adopt(gst_element_factory_find(element)));
}

#define KNOWN_OR_REGISTERED(element) (is_known(#element) || GST_ELEMENT_REGISTER(element, plugin) != FALSE)
gboolean register_all(GstPlugin* plugin) {
  return KNOWN_OR_REGISTERED(hlsingestsrc) && KNOWN_OR_REGISTERED(ingestselector) &&
         KNOWN_OR_REGISTERED(cmafpackager) && KNOWN_OR_REGISTERED(tspackager) &&
         KNOWN_OR_REGISTERED(archivesink) && KNOWN_OR_REGISTERED(archivesrc) &&
         KNOWN_OR_REGISTERED(cencenc) && KNOWN_OR_REGISTERED(hlsmanifestsink) &&
         KNOWN_OR_REGISTERED(dashmanifestsink);
}
#undef KNOWN_OR_REGISTERED

}  // namespace

void tarn_version(guint* major, guint* minor, guint* micro) {
  std::array<unsigned, 3> parts{};
  (void)std::sscanf(TARN_VERSION, "%u.%u.%u", &parts[0], &parts[1], &parts[2]);
  give(major, parts[0]);
  give(minor, parts[1]);
  give(micro, parts[2]);
}

const gchar* tarn_version_string() { return TARN_VERSION; }

gboolean tarn_register_elements() {
  static std::mutex mutex;
  static bool is_done = false;
  // GStreamer has no registry before, and would fail without a word; what failed can be called again.
  if (gst_is_initialized() == FALSE) {
    g_warning("tarn_register_elements() comes before gst_init(): nothing is registered");
    return FALSE;
  }
  const std::lock_guard lock{mutex};
  is_done = is_done || gst_plugin_register_static(GST_VERSION_MAJOR, GST_VERSION_MINOR, "tarn",
                                                  "Tarn's elements", register_all, TARN_VERSION, "Apache 2.0",
                                                  "tarn", "Tarn", "https://tarn.invalid") != FALSE;
  return is_done ? TRUE : FALSE;
}

gboolean tarn_message_parse_input_switched(GstMessage* message, guint* from, guint* to, gint64* media_time,
                                           gchar** reason) {
  const GstStructure* structure = structure_of(message, TARN_MESSAGE_INPUT_SWITCHED);
  if (structure == nullptr) return FALSE;
  std::uint32_t before = 0;
  std::uint32_t now = 0;
  std::int64_t time = 0;
  std::string why;
  StructureReader io{structure};
  io("from", before);
  io("to", now);
  io("media-time", time);
  io("reason", why);
  if (!io.ok()) return FALSE;
  give(from, before);
  give(to, now);
  give(media_time, time);
  give(reason, why);
  return TRUE;
}

gboolean tarn_message_parse_input_condition(GstMessage* message, guint* input, gchar** condition,
                                            gboolean* is_set) {
  const GstStructure* structure = structure_of(message, TARN_MESSAGE_INPUT_CONDITION);
  if (structure == nullptr) return FALSE;
  std::uint32_t number = 0;
  std::string name;
  std::string state;
  StructureReader io{structure};
  io("input", number);
  io("condition", name);
  io("state", state);
  if (!io.ok()) return FALSE;
  give(input, number);
  give(condition, name);
  give(is_set, state == "set");
  return TRUE;
}

gboolean tarn_message_parse_gop_too_long(GstMessage* message, guint64* slot, GstClockTime* duration,
                                         guint* target_duration) {
  const GstStructure* structure = structure_of(message, TARN_MESSAGE_GOP_TOO_LONG);
  if (structure == nullptr) return FALSE;
  std::uint64_t number = 0;
  std::uint64_t length = 0;
  std::uint32_t target = 0;
  StructureReader io{structure};
  io("slot", number);
  io("duration", length);
  io("target-duration", target);
  if (!io.ok()) return FALSE;
  give(slot, number);
  give(duration, length);
  give(target_duration, target);
  return TRUE;
}

gboolean tarn_buffer_add_event_message(GstBuffer* buffer, const gchar* scheme_id_uri, const gchar* value,
                                       guint id, GBytes* data) {
  gsize size = 0;
  const auto* bytes = static_cast<const std::uint8_t*>(g_bytes_get_data(data, &size));
  if (gst_buffer_is_writable(buffer) == FALSE || size > tarn::codecs::max_event_size) return FALSE;
  if (!tarn::gstkit::events_of(buffer).empty()) return FALSE;
  const std::array<tarn::codecs::EventMessage, 1> messages{{{.scheme_id_uri = scheme_id_uri,
                                                             .value = value != nullptr ? value : "",
                                                             .id = id,
                                                             .delta = 0,
                                                             .duration = tarn::codecs::unknown_event_duration,
                                                             .data = tarn::ByteVector(bytes, bytes + size)}}};
  tarn::gstkit::attach_events(buffer, messages);
  return TRUE;
}
