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

}  // namespace tarn::gstkit
