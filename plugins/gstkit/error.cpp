// SPDX-License-Identifier: Apache-2.0
#include "gstkit/error.h"

namespace tarn::gstkit {
namespace {

struct Place {
  GQuark domain;
  gint code;
};

Place place_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::malformed:
    case ErrorCode::truncated:
    case ErrorCode::limit:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT};
    case ErrorCode::unsupported:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_NOT_IMPLEMENTED};
    case ErrorCode::encrypted:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_DECRYPT};
    case ErrorCode::invalid:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS};
    case ErrorCode::not_found:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case ErrorCode::conflict:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY};
    case ErrorCode::io:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE};
    case ErrorCode::no_space:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT};
    case ErrorCode::internal:
      break;
  }
  return {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED};
}

}  // namespace

GstFlowReturn post_error(GstElement* element, const Error& error, const char* file, const char* function,
                         int line) {
  const Place place = place_of(error.code);
  gst_element_message_full(element, GST_MESSAGE_ERROR, place.domain, place.code,
                           g_strdup(error.message.c_str()), nullptr, file, function, line);
  return GST_FLOW_ERROR;
}

}  // namespace tarn::gstkit
