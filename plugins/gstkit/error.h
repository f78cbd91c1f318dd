// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include "core/base/result.h"

namespace tarn::gstkit {

// Where core's errors become GStreamer's, once per failing call: posts an element error with the domain
// and code that fit, and gives the flow value to return.
GstFlowReturn post_error(GstElement* element, const Error& error, const char* file = __builtin_FILE(),
                         const char* function = __builtin_FUNCTION(), int line = __builtin_LINE());

}  // namespace tarn::gstkit
