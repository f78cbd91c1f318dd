// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/content.h"

#include <gio/gio.h>

namespace tarn::server {
namespace {

// A day: long enough for every viewer of a live window.
constexpr std::uint32_t media_max_age = 86'400;

std::string digest(Bytes bytes) {
  g_autofree gchar* text = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size());
  return std::string{text, 32};
}

std::optional<Blob> gzip(const std::string& text) {
  GZlibCompressor* compressor = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6);
  ByteVector out(text.size() + 256);
  gsize used = 0;
  gsize made = 0;
  const auto result = g_converter_convert(G_CONVERTER(compressor), text.data(), text.size(), out.data(),
                                          out.size(), G_CONVERTER_INPUT_AT_END, &used, &made, nullptr);
  g_object_unref(compressor);
  // Text that does not shrink into this room is not worth a variant.
  if (result != G_CONVERTER_FINISHED || made >= text.size()) return std::nullopt;
  out.resize(made);
  return Blob::of(std::move(out));
}

}  // namespace

std::shared_ptr<const Content> manifest_content(const std::string& text, std::string content_type,
                                                std::uint32_t max_age,
                                                std::vector<std::pair<std::string, std::string>> facts) {
  auto content = std::make_shared<Content>();
  content->facts = std::move(facts);
  content->parts.push_back(Blob::copy_of(as_bytes(text)));
  content->size = text.size();
  content->content_type = std::move(content_type);
  content->is_manifest = true;
  content->max_age = max_age;
  const std::string tag = digest(as_bytes(text));
  content->etag = "\"" + tag + "\"";
  content->gzip = gzip(text);
  content->gzip_etag = "\"" + tag + "-gzip\"";
  return content;
}

std::shared_ptr<const Content> media_content(std::vector<Blob> parts, std::string content_type,
                                             const std::string& identity) {
  auto content = std::make_shared<Content>();
  for (const Blob& part : parts) content->size += part.size();
  content->parts = std::move(parts);
  content->content_type = std::move(content_type);
  content->max_age = media_max_age;
  // A name has the same bytes for ever, but for what another version may write differently.
  const std::string state = identity + "/" + std::to_string(content->size) + "/" TARN_VERSION;
  content->etag = "\"" + digest(as_bytes(state)) + "\"";
  return content;
}

}  // namespace tarn::server
