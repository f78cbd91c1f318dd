// SPDX-License-Identifier: Apache-2.0
#include "gstkit/pads.h"

#include <string>
#include <utility>

#include "gstkit/ref.h"

namespace tarn::gstkit {
namespace {

bool is_taken(GstElement* element, const std::string& name) {
  return static_cast<bool>(Ref<GstPad>::adopt(gst_element_get_static_pad(element, name.c_str())));
}

}  // namespace

GstPad* new_request_pad(GstElement* element, GstPadTemplate* pad_template, std::string_view prefix,
                        const gchar* wanted) {
  std::string name = wanted != nullptr ? wanted : "";
  for (unsigned i = 0; name.empty(); ++i) {
    std::string candidate = std::string{prefix} + std::to_string(i);
    if (!is_taken(element, candidate)) name = std::move(candidate);
  }
  if (wanted != nullptr && is_taken(element, name)) {
    GST_WARNING_OBJECT(element, "there is a pad '%s' already", wanted);
    return nullptr;
  }
  return gst_pad_new_from_template(pad_template, name.c_str());
}

gboolean refuse_seeks(GstPad* pad, GstObject* parent, GstEvent* event) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_SEEK) return gst_pad_event_default(pad, parent, event);
  (void)Ref<GstEvent>::adopt(event);
  return FALSE;
}

gboolean send_upstream(GstElement* sink, GstEvent* event) {
  struct Sent {
    Ref<GstEvent> event;
    gboolean taken = FALSE;
  } sent{Ref<GstEvent>::adopt(event)};
  if ((gst_event_type_get_flags(GST_EVENT_TYPE(event)) & GST_EVENT_TYPE_UPSTREAM) == 0) return FALSE;
  gst_element_foreach_sink_pad(
      sink,
      [](GstElement*, GstPad* pad, gpointer data) -> gboolean {
        auto* one = static_cast<Sent*>(data);
        if (gst_pad_is_linked(pad) != FALSE &&
            gst_pad_push_event(pad, Ref<GstEvent>{one->event}.release()) != FALSE)
          one->taken = TRUE;
        return TRUE;
      },
      &sent);
  return sent.taken;
}

void tell_waiting(GstElement* element, GstPad* pad, GstPad* other) {
  GST_ELEMENT_WARNING(element, STREAM, MUX,
                      ("%s waits for %s, which brings nothing: neither media nor a gap event nor EOS",
                       GST_PAD_NAME(pad), GST_PAD_NAME(other)),
                      (nullptr));
}

void tell_missing(GstElement* element, GstPad* pad, bool is_missing) {
  if (is_missing) {
    GST_ELEMENT_WARNING(element, STREAM, MUX,
                        ("%s has brought nothing in time: segments go on without it", GST_PAD_NAME(pad)),
                        (nullptr));
  } else {
    GST_INFO_OBJECT(element, "%s is there again", GST_PAD_NAME(pad));
  }
}

}  // namespace tarn::gstkit
