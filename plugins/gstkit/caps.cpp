// SPDX-License-Identifier: Apache-2.0
#include "gstkit/caps.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/codecs/mp3.h"
#include "core/codecs/vp9.h"
#include "core/isobmff/cmaf.h"
#include "gstkit/map.h"
#include "gstkit/memory.h"

namespace tarn::gstkit {
namespace {

using codecs::Codec;
using codecs::StreamInfo;

constexpr std::uint32_t usual_video_timescale = 90'000;

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

// How caps name a codec, and with which fields that never differ.
struct CapsName {
  Codec codec;
  const char* media_type;
  const char* stream_format;  // or nullptr
  const char* alignment;
};
constexpr std::array<CapsName, 10> caps_names{{
    {Codec::h264, "video/x-h264", "avc", "au"},
    {Codec::hevc, "video/x-h265", "hvc1", "au"},
    {Codec::av1, "video/x-av1", "obu-stream", "tu"},
    {Codec::vp9, "video/x-vp9", nullptr, "super-frame"},
    {Codec::aac, "audio/mpeg", "raw", nullptr},
    {Codec::mp3, "audio/mpeg", nullptr, nullptr},
    {Codec::ac3, "audio/x-ac3", nullptr, nullptr},
    {Codec::eac3, "audio/x-eac3", nullptr, nullptr},
    {Codec::opus, "audio/x-opus", nullptr, nullptr},
    {Codec::webvtt, "application/x-subtitle-vtt", "wvtt", nullptr},
}};

const CapsName* name_for(Codec codec) {
  const auto found = std::find_if(caps_names.begin(), caps_names.end(),
                                  [codec](const CapsName& name) { return name.codec == codec; });
  return found == caps_names.end() ? nullptr : &*found;
}

std::optional<Codec> codec_of(const GstStructure* s) {
  const std::string_view media_type = gst_structure_get_name(s);
  for (const CapsName& name : caps_names) {
    if (media_type != name.media_type) continue;
    if (name.codec == Codec::aac && positive(s, "mpegversion") == 1) continue;
    return name.codec;
  }
  return std::nullopt;
}

// MPEG audio says in fields what its frame header says: mpegaudioversion, layer, rate, channels.
Result<StreamInfo> mp3_info(const GstStructure* s) {
  codecs::mp3::Header header;
  header.layer = static_cast<std::uint8_t>(positive(s, "layer"));
  header.sample_rate = positive(s, "rate");
  header.mono = positive(s, "channels") == 1;
  const std::uint32_t version = positive(s, "mpegaudioversion");
  header.version = version != 0                   ? static_cast<std::uint8_t>(version)
                   : header.sample_rate >= 32'000 ? 1
                   : header.sample_rate >= 16'000 ? 2
                                                  : 3;
  return codecs::mp3::stream_info(header);
}

// dOps out of the identification header of RFC 7845 5.1, which is little-endian.
Result<StreamInfo> opus_info(const GstStructure* s) {
  const GValue* headers = gst_structure_get_value(s, "streamheader");
  if (headers == nullptr || !GST_VALUE_HOLDS_ARRAY(headers) || gst_value_array_get_size(headers) == 0) {
    return malformed("audio/x-opus caps without codec_data or streamheader");
  }
  const GValue* first = gst_value_array_get_value(headers, 0);
  if (!GST_VALUE_HOLDS_BUFFER(first)) return malformed("audio/x-opus caps: streamheader is no buffer");
  const BufferMap map{gst_value_get_buffer(first)};
  constexpr std::size_t fixed_size = 19;
  const Bytes head = map.bytes();
  if (!map.ok() || head.size() < fixed_size || as_text(head.first(8)) != "OpusHead") {
    return malformed("audio/x-opus caps: streamheader is no OpusHead");
  }
  ByteVector dops{0, head[9], head[11], head[10], head[15], head[14], head[13], head[12], head[17], head[16]};
  dops.insert(dops.end(), head.begin() + 18, head.end());
  return codecs::stream_info_from_config(Codec::opus, dops);
}

// VP9's parser says in fields what vpcC says.
Result<StreamInfo> vp9_info(const GstCaps* caps) {
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  const auto field = [s](const char* name) {
    const char* text = gst_structure_get_string(s, name);
    return std::string_view{text != nullptr ? text : ""};
  };
  const auto profile = parse_u64(field("profile"));
  if (!profile || *profile > 3)
    return malformed("video/x-vp9 caps without codec_data or profile: vp9parse has it");
  codecs::vp9::Stream stream;
  stream.profile = static_cast<std::uint32_t>(*profile);
  guint depth = 8;
  if (gst_structure_get_uint(s, "bit-depth-luma", &depth) != FALSE) stream.bit_depth = depth;
  const std::string_view chroma = field("chroma-format");
  stream.subsampling = chroma == "4:4:4" ? 3 : chroma == "4:2:2" ? 2 : 1;
  stream.width = positive(s, "width");
  stream.height = positive(s, "height");
  get_fraction(s, "framerate", stream.frame_rate_numerator, stream.frame_rate_denominator);
  return codecs::vp9::stream_info_from_config(codecs::vp9::configuration_record(stream));
}

Result<StreamInfo> describe(Codec codec, const GstCaps* caps) {
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  const bool has_record = gst_structure_has_field(s, "codec_data") != FALSE;
  if (!has_record && codec == Codec::mp3) return mp3_info(s);
  if (!has_record && codec == Codec::opus) return opus_info(s);
  if (!has_record && codec == Codec::vp9) {
    StreamInfo info = TRY(vp9_info(caps));
    apply_video_caps(caps, info);
    return info;
  }
  const Blob config = TRY(buffer_field(s, "codec_data"));
  StreamInfo info = TRY(codecs::stream_info_from_config(codec, config.bytes()));
  if (codecs::kind_of(codec) == codecs::Kind::video) {
    apply_video_caps(caps, info);
  } else if (const auto rate = positive(s, "rate"); codec == Codec::eac3 && rate != 0) {
    info.sample_rate = info.timescale = rate;  // the record leaves open which of the half rates it is
  }
  return info;
}

void set_codec_data(GstCaps* caps, const ByteVector& config) {
  const auto buffer = buffer_of(Blob::copy_of(config));
  gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, buffer.get(), nullptr);
}

void set_audio_fields(GstCaps* caps, const StreamInfo& info) {
  switch (info.codec) {
    case Codec::aac:
      gst_caps_set_simple(caps, "mpegversion", G_TYPE_INT, 4, "framed", G_TYPE_BOOLEAN, TRUE, nullptr);
      break;
    case Codec::mp3:
      gst_caps_set_simple(caps, "mpegversion", G_TYPE_INT, 1, "layer", G_TYPE_INT, 3, "parsed",
                          G_TYPE_BOOLEAN, TRUE, nullptr);
      break;
    case Codec::opus:
      // RFC 7845 5.1.1: family 0 is mono and stereo
      gst_caps_set_simple(caps, "channel-mapping-family", G_TYPE_INT, info.channels > 2 ? 1 : 0, nullptr);
      break;
    default:
      gst_caps_set_simple(caps, "framed", G_TYPE_BOOLEAN, TRUE, nullptr);
      break;
  }
}

}  // namespace

void apply_video_caps(const GstCaps* caps, StreamInfo& info) {
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  if (const auto width = positive(s, "width"); width != 0) info.width = width;
  if (const auto height = positive(s, "height"); height != 0) info.height = height;
  get_fraction(s, "pixel-aspect-ratio", info.sar_width, info.sar_height);
  get_fraction(s, "framerate", info.frame_rate_numerator, info.frame_rate_denominator);
  if (const auto timescale = positive(s, "timescale"); timescale != 0) info.timescale = timescale;
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
  const CapsName* name = name_for(info.codec);
  if (name == nullptr) return unsupported("no caps for codec " + std::string{codecs::name_of(info.codec)});
  auto caps = Ref<GstCaps>::adopt(gst_caps_new_empty_simple(name->media_type));
  const auto set_text = [&caps](const char* field, const char* value) {
    if (value != nullptr) gst_caps_set_simple(caps.get(), field, G_TYPE_STRING, value, nullptr);
  };
  set_text("stream-format", name->stream_format);
  set_text("alignment", name->alignment);
  if (codecs::kind_of(info.codec) == codecs::Kind::video) {
    gst_caps_set_simple(caps.get(), "width", G_TYPE_INT, as_int(info.width), "height", G_TYPE_INT,
                        as_int(info.height), "pixel-aspect-ratio", GST_TYPE_FRACTION, as_int(info.sar_width),
                        as_int(info.sar_height), nullptr);
    if (info.frame_rate_numerator != 0) {
      gst_caps_set_simple(caps.get(), "framerate", GST_TYPE_FRACTION, as_int(info.frame_rate_numerator),
                          as_int(info.frame_rate_denominator), nullptr);
    }
    if (info.timescale != usual_video_timescale) {
      gst_caps_set_simple(caps.get(), "timescale", G_TYPE_INT, as_int(info.timescale), nullptr);
    }
  } else if (codecs::kind_of(info.codec) == codecs::Kind::audio) {
    gst_caps_set_simple(caps.get(), "rate", G_TYPE_INT, as_int(info.sample_rate), "channels", G_TYPE_INT,
                        as_int(info.channels), nullptr);
    set_audio_fields(caps.get(), info);
  }
  set_codec_data(caps.get(), info.config);
  return caps;
}

Result<StreamInfo> stream_info_of(const GstCaps* caps) {
  if (gst_caps_get_size(caps) == 1) {
    if (const auto codec = codec_of(gst_caps_get_structure(caps, 0))) return describe(*codec, caps);
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
