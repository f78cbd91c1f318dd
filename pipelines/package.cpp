// SPDX-License-Identifier: Apache-2.0
#include "pipelines/package.h"

#include "core/base/base64.h"
#include "core/base/text.h"

namespace tarn::pipelines {
namespace {

void set_text(GstElement* element, const std::string& property, const std::string& value) {
  g_object_set(element, property.c_str(), value.c_str(), nullptr);
}

void set_keys(GstElement* encryptor, const std::string& prefix, const crypto::TrackProtection& protection) {
  std::string key = hex(protection.key.key);
  set_text(encryptor, prefix + "key", key);
  crypto::wipe({reinterpret_cast<std::uint8_t*>(key.data()), key.size()});
  set_text(encryptor, prefix + "kid", hex(protection.key.kid));
  if (protection.key.scheme == crypto::Scheme::cbcs) {
    set_text(encryptor, prefix + "iv", hex(protection.key.constant_iv));
  }
  std::string boxes;
  for (const ByteVector& box : protection.pssh) boxes += (boxes.empty() ? "" : ",") + base64(box);
  set_text(encryptor, prefix + "pssh", boxes);
}

// The packager between source and sink; none where chunks leave as they are.
Result<GstElement*> add_packager(GstElement* pipeline, const PackageSettings& settings) {
  if (settings.transport_stream && settings.protection) {
    return Error{ErrorCode::internal, "package pipeline: no encryption for transport streams"};
  }
  if (settings.transport_stream) return add_element(pipeline, "tspackager", "ts");
  if (!settings.protection) return nullptr;
  GstElement* encryptor = TRY(add_element(pipeline, "cencenc", "encryption"));
  const bool is_cenc = settings.protection->video.key.scheme == crypto::Scheme::cenc;
  gst_util_set_object_arg(G_OBJECT(encryptor), "scheme", is_cenc ? "cenc" : "cbcs");
  set_keys(encryptor, "", settings.protection->video);
  set_keys(encryptor, "audio-", settings.protection->audio);
  g_object_set(encryptor, "sample-groups", settings.protection->video.key.changes ? TRUE : FALSE, nullptr);
  return encryptor;
}

}  // namespace

Result<GstElement*> make_package_pipeline(const PackageSettings& settings, MessageHandler on_message) {
  auto pipeline = make_quiet_pipeline("package", std::move(on_message));
  GstElement* source = TRY(add_element(pipeline.get(), "archivesrc", package_source));
  g_object_set(source, "location", settings.archive_directory.c_str(), nullptr);
  GstElement* last = source;
  if (GstElement* packager = TRY(add_packager(pipeline.get(), settings))) {
    if (gst_element_link(last, packager) == FALSE) {
      return Error{ErrorCode::internal, "package pipeline: archivesrc and the packager do not link"};
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
