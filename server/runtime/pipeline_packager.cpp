// SPDX-License-Identifier: Apache-2.0
#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <mutex>

#include "pipelines/package.h"
#include "server/runtime/media_bytes.h"
#include "server/runtime/packager.h"

namespace tarn::server {
namespace {

struct Unref {
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
  void operator()(GstStructure* structure) const { gst_structure_free(structure); }
  void operator()(gpointer object) const { gst_object_unref(object); }
};
using SamplePtr = std::unique_ptr<GstSample, Unref>;
using StructurePtr = std::unique_ptr<GstStructure, Unref>;
using ElementPtr = std::unique_ptr<GstElement, Unref>;

StructurePtr to_structure(const PackageRequest& request) {
  StructurePtr out{gst_structure_new_empty("package")};
  if (request.header) {
    gst_structure_set(out.get(), "init-track", G_TYPE_UINT, request.header->track, "init-config", G_TYPE_UINT,
                      request.header->config, nullptr);
    return out;
  }
  GValue tracks = G_VALUE_INIT;
  gst_value_array_init(&tracks, static_cast<guint>(request.tracks.size()));
  for (const timeline::TrackId id : request.tracks) {
    GValue track = G_VALUE_INIT;
    g_value_init(&track, G_TYPE_UINT);
    g_value_set_uint(&track, id);
    gst_value_array_append_and_take_value(&tracks, &track);
  }
  gst_structure_take_value(out.get(), "tracks", &tracks);
  gst_structure_set(out.get(), "first-slot", G_TYPE_UINT64, guint64{request.first_slot}, "slot-count",
                    G_TYPE_UINT, request.slot_count, "segment-type", G_TYPE_BOOLEAN,
                    request.segment_type ? TRUE : FALSE, nullptr);
  return out;
}

// What the elements complained of last; the handler outlives the pipeline's calls into it.
struct LastError {
  std::mutex mutex;
  std::string text;

  void take(GstMessage* message) {
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return;
    GError* error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    const std::lock_guard lock{mutex};
    text = error->message;
    g_error_free(error);
  }
  std::string release() {
    const std::lock_guard lock{mutex};
    return std::exchange(text, {});
  }
};

class PipelinePackager : public Packager {
 public:
  PipelinePackager(ElementPtr pipeline, std::shared_ptr<LastError> errors)
      : pipeline_(std::move(pipeline)),
        source_(gst_bin_get_by_name(GST_BIN(pipeline_.get()), pipelines::package_source)),
        sink_(gst_bin_get_by_name(GST_BIN(pipeline_.get()), pipelines::package_sink)),
        errors_(std::move(errors)) {}
  ~PipelinePackager() override { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
  PipelinePackager(const PipelinePackager&) = delete;
  PipelinePackager& operator=(const PipelinePackager&) = delete;

  Result<std::vector<Blob>> package(const PackageRequest& request) override {
    const StructurePtr structure = to_structure(request);
    GstFlowReturn flow = GST_FLOW_ERROR;
    g_signal_emit_by_name(source_.get(), "package", structure.get(), &flow);
    auto bytes = pull();
    const std::string complaint = errors_->release();
    if (flow == GST_FLOW_OK && complaint.empty()) return bytes;
    const std::string why = complaint.empty() ? gst_flow_get_name(flow) : complaint;
    return Error{ErrorCode::internal, "packaging failed: " + why};
  }

 private:
  Result<std::vector<Blob>> pull() {
    std::vector<Blob> bytes;
    while (SamplePtr sample{gst_app_sink_try_pull_sample(GST_APP_SINK(sink_.get()), 0)}) {
      bool read = true;
      if (GstBufferList* list = gst_sample_get_buffer_list(sample.get())) {
        for (guint i = 0; i < gst_buffer_list_length(list); ++i) {
          read = read && append_blobs(gst_buffer_list_get(list, i), bytes);
        }
      } else if (GstBuffer* buffer = gst_sample_get_buffer(sample.get())) {
        read = append_blobs(buffer, bytes);
      }
      if (!read) return Error{ErrorCode::internal, "packaging failed: memory cannot be mapped"};
    }
    return bytes;
  }

  ElementPtr pipeline_;
  ElementPtr source_;
  ElementPtr sink_;
  std::shared_ptr<LastError> errors_;
};

}  // namespace

Result<std::unique_ptr<Packager>> make_pipeline_packager(const std::string& archive_directory,
                                                         const Packaging& packaging) {
  auto errors = std::make_shared<LastError>();
  pipelines::PackageSettings settings{archive_directory, packaging.transport_stream};
  if (packaging.protection) settings.protection = *packaging.protection;
  GstElement* pipeline =
      TRY(pipelines::make_package_pipeline(settings, [errors](GstMessage* m) { errors->take(m); }));
  auto packager = std::make_unique<PipelinePackager>(ElementPtr{pipeline}, errors);
  if (const Status started = pipelines::start(pipeline); !started.ok()) {
    const std::string complaint = errors->release();
    return Error{ErrorCode::internal, complaint.empty() ? started.error().message : complaint};
  }
  return std::unique_ptr<Packager>{std::move(packager)};
}

}  // namespace tarn::server
