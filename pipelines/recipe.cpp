// SPDX-License-Identifier: Apache-2.0
#include "pipelines/recipe.h"

namespace tarn::pipelines {
namespace {

GstBusSyncReply on_sync_message(GstBus* /*bus*/, GstMessage* message, gpointer data) {
  const auto& handler = *static_cast<MessageHandler*>(data);
  if (handler) handler(message);
  return GST_BUS_DROP;
}

}  // namespace

Result<gstkit::Ref<GstElement>> make_element(const char* factory, const char* name) {
  auto element = gstkit::Ref<GstElement>::adopt(gst_element_factory_make(factory, name));
  if (!element) {
    return Error{ErrorCode::internal,
                 std::string{"no element \""} + factory + "\": its plugin is not where GST_PLUGIN_PATH says"};
  }
  return element;
}

Result<GstElement*> add_element(GstElement* pipeline, const char* factory, const char* name) {
  auto element = TRY(make_element(factory, name));
  GstElement* borrowed = element.get();
  // gst_bin_add takes a reference of its own to an element that floats no more.
  if (gst_bin_add(GST_BIN(pipeline), borrowed) == FALSE) {
    return Error{ErrorCode::internal, std::string{"cannot add \""} + name + "\" to the pipeline"};
  }
  return borrowed;
}

gstkit::Ref<GstElement> make_quiet_pipeline(const char* name, MessageHandler on_message) {
  auto pipeline = gstkit::Ref<GstElement>::adopt(gst_pipeline_new(name));
  const auto bus =
      gstkit::Ref<GstBus>::adopt(GST_BUS(g_object_new(GST_TYPE_BUS, "enable-async", FALSE, nullptr)));
  gst_bus_set_sync_handler(bus.get(), on_sync_message, new MessageHandler{std::move(on_message)},
                           [](gpointer data) { delete static_cast<MessageHandler*>(data); });
  gst_element_set_bus(pipeline.get(), bus.get());
  return pipeline;
}

Status start(GstElement* pipeline) {
  if (gst_element_set_state(pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE) return {};
  return Error{ErrorCode::internal, std::string{"pipeline "} + GST_OBJECT_NAME(pipeline) + " does not start"};
}

}  // namespace tarn::pipelines
