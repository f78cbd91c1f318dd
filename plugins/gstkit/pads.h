// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <string_view>

namespace tarn::gstkit {

// A pad for a request, not yet added, called `wanted`, or where that is nullptr `prefix` and the first number
// that is free. Floating, for gst_element_add_pad, whose answer is to be looked at: of two requests at the
// same time for the same name one fails there. nullptr: the name is taken.
GstPad* new_request_pad(GstElement* element, GstPadTemplate* pad_template, std::string_view prefix,
                        const gchar* wanted);

// An event function for the source pads of an element that cannot be sought in: others go where they go by
// default, which takes a seek for handled where nothing is linked behind.
gboolean refuse_seeks(GstPad* pad, GstObject* parent, GstEvent* event);

// For GstElementClass::send_event of a sink that is no GstBaseSink: what goes upstream (seeks, latency, QoS)
// goes out of every pad that is linked. FALSE: nobody takes it, or it goes downstream. Takes the event.
gboolean send_upstream(GstElement* sink, GstEvent* event);

// What an element says that waits for several streams, as warnings on the bus. Not with a lock held.
// `pad` has been waiting long for `other`, which brings nothing.
void tell_waiting(GstElement* element, GstPad* pad, GstPad* other);
// A live stream has brought nothing in time and is no longer waited for, or is there again (no warning).
void tell_missing(GstElement* element, GstPad* pad, bool is_missing);

}  // namespace tarn::gstkit
