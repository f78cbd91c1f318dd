// SPDX-License-Identifier: Apache-2.0
#include "gstkit/caps.h"

#include <string>
#include <utility>

#include "core/codecs/aac.h"
#include "core/codecs/avc.h"
#include "core/isobmff/cmaf.h"
#include "gstkit/map.h"
#include "gstkit/memory.h"

namespace tarn::gstkit {
namespace {

using codecs::Codec;
using codecs::StreamInfo;

std::string media_type(const GstCaps* caps) {
  return gst_caps_get_size(caps) == 0 ? "nothing" : gst_structure_get_name(gst_caps_get_structure(caps, 0));
}

std::uint32_t positive(const GstStructure* structure, const char* name) {
  gint value = 0;
  return gst_structure_get_int(structure, name, &value) && value > 0 ? static_cast<std::uint32_t>(value) : 0;
}

void get_fraction(const GstStructure* structure, const char* name, std::uint32_t& numerator,
                  std::uint32_t& denominator) {
  gint n = 0;
  gint d = 0;
  if (!gst_structure_get_fraction(structure, name, &n, &d) || n <= 0 || d <= 0) return;
  numerator = static_cast<std::uint32_t>(n);
  denominator = static_cast<std::uint32_t>(d);
}

Result<StreamInfo> h264_info(const GstCaps* caps) {
  const Blob config = TRY(buffer_field(gst_caps_get_structure(caps, 0), "codec_data"));
  StreamInfo info = TRY(codecs::avc::stream_info_from_config(config.bytes()));
  apply_video_caps(caps, info);
  return info;
}

Result<StreamInfo> aac_info(const GstStructure* s) {
  const Blob config = TRY(buffer_field(s, "codec_data"));
  return codecs::aac::stream_info_from_config(config.bytes());
}

void set_codec_data(GstCaps* caps, const ByteVector& config) {
  const auto buffer = buffer_of(Blob::copy_of(config));
  gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, buffer.get(), nullptr);
}

}  // namespace

void apply_video_caps(const GstCaps* caps, StreamInfo& info) {
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  if (const auto width = positive(s, "width"); width != 0) info.width = width;
  if (const auto height = positive(s, "height"); height != 0) info.height = height;
  get_fraction(s, "pixel-aspect-ratio", info.sar_width, info.sar_height);
  get_fraction(s, "framerate", info.frame_rate_numerator, info.frame_rate_denominator);
}

Result<Blob> buffer_field(const GstStructure* structure, const char* name) {
  const GValue* value = gst_structure_get_value(structure, name);
  if (value == nullptr || !GST_VALUE_HOLDS_BUFFER(value) || gst_value_get_buffer(value) == nullptr) {
    return malformed(std::string{gst_structure_get_name(structure)} + " caps without " + name);
  }
  const BufferMap map{gst_value_get_buffer(value)};
  if (!map.ok()) return Error{ErrorCode::internal, std::string{name} + " cannot be mapped"};
  return Blob::copy_of(map.bytes());
}

Result<Ref<GstCaps>> caps_of(const StreamInfo& info) {
  const auto as_int = [](std::uint32_t value) { return static_cast<gint>(value); };
  if (info.codec == Codec::h264) {
    auto caps = Ref<GstCaps>::adopt(gst_caps_new_simple(
        "video/x-h264", "stream-format", G_TYPE_STRING, "avc", "alignment", G_TYPE_STRING, "au", "width",
        G_TYPE_INT, as_int(info.width), "height", G_TYPE_INT, as_int(info.height), "pixel-aspect-ratio",
        GST_TYPE_FRACTION, as_int(info.sar_width), as_int(info.sar_height), nullptr));
    if (info.frame_rate_numerator != 0) {
      gst_caps_set_simple(caps.get(), "framerate", GST_TYPE_FRACTION, as_int(info.frame_rate_numerator),
                          as_int(info.frame_rate_denominator), nullptr);
    }
    set_codec_data(caps.get(), info.config);
    return caps;
  }
  if (info.codec == Codec::aac) {
    auto caps = Ref<GstCaps>::adopt(
        gst_caps_new_simple("audio/mpeg", "mpegversion", G_TYPE_INT, 4, "stream-format", G_TYPE_STRING, "raw",
                            "framed", G_TYPE_BOOLEAN, TRUE, "rate", G_TYPE_INT, as_int(info.sample_rate),
                            "channels", G_TYPE_INT, as_int(info.channels), nullptr));
    set_codec_data(caps.get(), info.config);
    return caps;
  }
  return unsupported("no caps for codec " + std::string{codecs::name_of(info.codec)});
}

Result<StreamInfo> stream_info_of(const GstCaps* caps) {
  if (gst_caps_get_size(caps) == 1) {
    const GstStructure* s = gst_caps_get_structure(caps, 0);
    if (gst_structure_has_name(s, "video/x-h264")) return h264_info(caps);
    if (gst_structure_has_name(s, "audio/mpeg")) return aac_info(s);
  }
  return unsupported("no elementary stream Tarn carries: " + media_type(caps));
}

Ref<GstCaps> cmaf_caps(const StreamInfo& info, const Blob& header) {
  const std::string codec_name{codecs::name_of(info.codec)};
  auto caps = Ref<GstCaps>::adopt(gst_caps_new_simple("video/quicktime", "variant", G_TYPE_STRING, "cmaf",
                                                      "codec", G_TYPE_STRING, codec_name.c_str(), nullptr));
  if (info.frame_rate_numerator != 0) {
    gst_caps_set_simple(caps.get(), "framerate", GST_TYPE_FRACTION,
                        static_cast<gint>(info.frame_rate_numerator),
                        static_cast<gint>(info.frame_rate_denominator), nullptr);
  }
  auto buffer = buffer_of(header);
  GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
  GValue array = G_VALUE_INIT;
  GValue element = G_VALUE_INIT;
  g_value_init(&array, GST_TYPE_ARRAY);
  g_value_init(&element, GST_TYPE_BUFFER);
  gst_value_take_buffer(&element, buffer.release());
  gst_value_array_append_and_take_value(&array, &element);
  gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "streamheader", &array);
  return caps;
}

Result<CmafTrack> cmaf_track_of(const GstCaps* caps) {
  const GstStructure* s = gst_caps_get_size(caps) == 1 ? gst_caps_get_structure(caps, 0) : nullptr;
  const GValue* array = s != nullptr ? gst_structure_get_value(s, "streamheader") : nullptr;
  if (array == nullptr || !GST_VALUE_HOLDS_ARRAY(array) || gst_value_array_get_size(array) != 1) {
    return malformed("CMAF caps without a streamheader");
  }
  const GValue* element = gst_value_array_get_value(array, 0);
  if (!GST_VALUE_HOLDS_BUFFER(element) || gst_value_get_buffer(element) == nullptr) {
    return malformed("CMAF caps: the streamheader is not a buffer");
  }
  const BufferMap map{gst_value_get_buffer(element)};
  if (!map.ok()) return Error{ErrorCode::internal, "a streamheader cannot be mapped"};
  CmafTrack track;
  track.header = Blob::copy_of(map.bytes());
  isobmff::ParsedInit init = TRY(isobmff::parse_init(track.header.bytes()));
  track.info = std::move(init.info);
  track.language = std::move(init.language);
  get_fraction(s, "framerate", track.info.frame_rate_numerator, track.info.frame_rate_denominator);
  return track;
}

}  // namespace tarn::gstkit
