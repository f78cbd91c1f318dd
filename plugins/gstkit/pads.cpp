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

}  // namespace tarn::gstkit
