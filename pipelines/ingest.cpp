// SPDX-License-Identifier: Apache-2.0
#include "pipelines/ingest.h"

namespace tarn::pipelines {
namespace {

using gstkit::Ref;

Ref<GstElement> parent_of(GstElement* element) {
  return Ref<GstElement>::adopt(GST_ELEMENT_CAST(gst_object_get_parent(GST_OBJECT_CAST(element))));
}

Ref<GstElement> sibling(GstElement* element, const char* name) {
  const auto pipeline = parent_of(element);
  return Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
}

void complain(GstElement* element, const char* what, GstPad* pad) {
  GST_ELEMENT_ERROR(element, CORE, PAD, ("%s", what), ("pad %s:%s", GST_DEBUG_PAD_NAME(pad)));
}

// A track of an input: "ingest1" asks the selector for a pad "ingest1_%u".
void on_input_pad(GstElement* input, GstPad* pad, gpointer /*unused*/) {
  if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC) return;
  const auto selector = sibling(input, ingest_selector);
  const std::string wanted = std::string{GST_OBJECT_NAME(input)} + "_%u";
  const auto sink = Ref<GstPad>::adopt(gst_element_request_pad_simple(selector.get(), wanted.c_str()));
  if (!sink || GST_PAD_LINK_FAILED(gst_pad_link(pad, sink.get()))) {
    complain(input, "a track of this input cannot be linked to the selector", pad);
  }
}

void on_input_pad_removed(GstElement* input, GstPad* pad, gpointer /*unused*/) {
  const auto peer = Ref<GstPad>::adopt(gst_pad_get_peer(pad));
  if (!peer) return;
  const auto selector = sibling(input, ingest_selector);
  gst_pad_unlink(pad, peer.get());
  gst_element_release_request_pad(selector.get(), peer.get());
}

// A track of the programme: a packager of its own, and a pad of the archive.
void on_selected_pad(GstElement* selector, GstPad* pad, gpointer /*unused*/) {
  if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC) return;
  const auto pipeline = parent_of(selector);
  const auto archive = sibling(selector, ingest_archive);
  const std::string name = std::string{"packager_"} + GST_PAD_NAME(pad);
  auto packager = add_element(pipeline.get(), "cmafpackager", name.c_str());
  if (!packager || gst_element_link_pads(*packager, "src", archive.get(), nullptr) == FALSE ||
      gst_element_sync_state_with_parent(*packager) == FALSE) {
    return complain(selector, "a track cannot be linked to the archive", pad);
  }
  const auto sink = Ref<GstPad>::adopt(gst_element_get_static_pad(*packager, "sink"));
  if (GST_PAD_LINK_FAILED(gst_pad_link(pad, sink.get()))) {
    complain(selector, "a track cannot be linked to its packager", pad);
  }
}

void on_selected_pad_removed(GstElement* selector, GstPad* pad, gpointer /*unused*/) {
  const std::string name = std::string{"packager_"} + GST_PAD_NAME(pad);
  const auto packager = sibling(selector, name.c_str());
  if (!packager) return;
  const auto archive = sibling(selector, ingest_archive);
  const auto source = Ref<GstPad>::adopt(gst_element_get_static_pad(packager.get(), "src"));
  const auto sink = Ref<GstPad>::adopt(gst_pad_get_peer(source.get()));
  gst_element_set_state(packager.get(), GST_STATE_NULL);
  if (sink) {
    gst_pad_unlink(source.get(), sink.get());
    gst_element_release_request_pad(archive.get(), sink.get());
  }
  const auto pipeline = parent_of(selector);
  gst_bin_remove(GST_BIN(pipeline.get()), packager.get());
}

}  // namespace

Result<GstElement*> make_ingest_pipeline(const IngestSettings& settings, MessageHandler on_message) {
  auto pipeline = make_quiet_pipeline("ingest", std::move(on_message));
  const auto target = static_cast<guint64>(std::chrono::nanoseconds{settings.target_duration}.count());
  const char* directory = settings.archive_directory.c_str();

  GstElement* archive = TRY(add_element(pipeline.get(), "archivesink", ingest_archive));
  g_object_set(archive, "location", directory, nullptr);
  GstElement* selector = TRY(add_element(pipeline.get(), "ingestselector", ingest_selector));
  g_object_set(selector, "target-duration", target, "resume-from", directory, "repair", TRUE, nullptr);
  g_signal_connect(selector, "pad-added", G_CALLBACK(on_selected_pad), nullptr);
  g_signal_connect(selector, "pad-removed", G_CALLBACK(on_selected_pad_removed), nullptr);
  for (const char* name : ingest_inputs) {
    GstElement* input = TRY(add_element(pipeline.get(), "hlsingestsrc", name));
    g_object_set(input, "container", static_cast<int>(settings.container), "repair", TRUE, nullptr);
    g_signal_connect(input, "pad-added", G_CALLBACK(on_input_pad), nullptr);
    g_signal_connect(input, "pad-removed", G_CALLBACK(on_input_pad_removed), nullptr);
  }
  return pipeline.release();
}

}  // namespace tarn::pipelines
