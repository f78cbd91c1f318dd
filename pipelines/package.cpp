// SPDX-License-Identifier: Apache-2.0
#include "pipelines/package.h"

namespace tarn::pipelines {

Result<GstElement*> make_package_pipeline(const PackageSettings& settings, MessageHandler on_message) {
  auto pipeline = make_quiet_pipeline("package", std::move(on_message));
  GstElement* source = TRY(add_element(pipeline.get(), "archivesrc", package_source));
  g_object_set(source, "location", settings.archive_directory.c_str(), nullptr);
  GstElement* last = source;
  if (settings.transport_stream) {
    GstElement* packager = TRY(add_element(pipeline.get(), "tspackager", "ts"));
    if (gst_element_link(last, packager) == FALSE) {
      return Error{ErrorCode::internal, "package pipeline: archivesrc and tspackager do not link"};
    }
    last = packager;
  }
  GstElement* sink = TRY(add_element(pipeline.get(), "appsink", package_sink));
  g_object_set(sink, "sync", FALSE, "async", FALSE, "buffer-list", TRUE, "max-buffers", 0U,
               "enable-last-sample", FALSE, "qos", FALSE, "wait-on-eos", FALSE, nullptr);
  if (gst_element_link(last, sink) == FALSE) {
    return Error{ErrorCode::internal, "package pipeline: the packager and appsink do not link"};
  }
  return pipeline.release();
}

}  // namespace tarn::pipelines
