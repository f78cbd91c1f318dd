// SPDX-License-Identifier: Apache-2.0
#include "gstkit/event_messages.h"

#include "core/isobmff/event_message.h"
#include "gstkit/map.h"
#include "gstkit/memory.h"

namespace tarn::gstkit {
namespace {

constexpr char meta_name[] = "TarnEventMessages";
constexpr char field_name[] = "instances";

// Each plugin has this room linked in, the registry of metas is the process's.
void register_once() {
  static gsize done = 0;
  if (g_once_init_enter(&done) == FALSE) return;
  if (gst_meta_get_info(meta_name) == nullptr) {
    const gchar* tags[] = {nullptr};
    gst_meta_register_custom(meta_name, tags, nullptr, nullptr, nullptr);
  }
  g_once_init_leave(&done, 1);
}

}  // namespace

void attach_events(GstBuffer* buffer, std::span<const codecs::EventMessage> messages) {
  register_once();
  if (GstCustomMeta* before = gst_buffer_get_custom_meta(buffer, meta_name); before != nullptr)
    gst_buffer_remove_meta(buffer, &before->meta);
  if (messages.empty()) return;
  GstCustomMeta* meta = gst_buffer_add_custom_meta(buffer, meta_name);
  const auto boxes = buffer_of(Blob::of(isobmff::write_event_instances(messages)));
  gst_structure_set(gst_custom_meta_get_structure(meta), field_name, GST_TYPE_BUFFER, boxes.get(), nullptr);
}

std::vector<codecs::EventMessage> events_of(GstBuffer* buffer) {
  register_once();
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, meta_name);
  if (meta == nullptr) return {};
  const GValue* value = gst_structure_get_value(gst_custom_meta_get_structure(meta), field_name);
  if (value == nullptr || !GST_VALUE_HOLDS_BUFFER(value)) return {};
  const BufferMap map{gst_value_get_buffer(value)};
  return map.ok() ? isobmff::read_event_instances(map.bytes()) : std::vector<codecs::EventMessage>{};
}

}  // namespace tarn::gstkit
