// SPDX-License-Identifier: Apache-2.0
#include "package/stream_input.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/codecs/av1.h"
#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"
#include "core/codecs/nal.h"
#include "gstkit/caps.h"
#include "gstkit/map.h"
#include "gstkit/memory.h"

namespace tarn::package {
namespace {

using gstkit::Ref;
namespace avc = codecs::avc;
namespace hevc = codecs::hevc;

// The NAL units of an Annex B byte stream, without the zero bytes that may trail them.
template <class Use>
void for_each_nal(Bytes stream, Use use) {
  std::size_t begin = codecs::find_start_code(stream, 0);
  while (begin < stream.size()) {
    begin += 3;
    const std::size_t next = codecs::find_start_code(stream, begin);
    std::size_t end = next;
    while (end > begin && stream[end - 1] == 0) --end;
    if (end > begin) use(stream.subspan(begin, end - begin));
    begin = next;
  }
}

Ref<GstBuffer> with_times_of(const Ref<GstBuffer>& from, Ref<GstBuffer> to) {
  gst_buffer_copy_into(to.get(), from.get(),
                       static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS), 0,
                       0);
  return to;
}

std::vector<Bytes> views(const std::vector<ByteVector>& units) { return {units.begin(), units.end()}; }

// What becomes of a NAL unit: the kind of parameter set it is, or none of them.
constexpr std::size_t kept = SIZE_MAX;
constexpr std::size_t left_out = SIZE_MAX - 1;
std::size_t kind_of(bool is_hevc, Bytes nal) {
  if (is_hevc) {
    const std::uint8_t type = hevc::nal_type(nal[0]);
    if (type == hevc::nal_aud || type == hevc::nal_filler) return left_out;
    return type >= hevc::nal_vps && type <= hevc::nal_pps ? type - hevc::nal_vps : kept;
  }
  const std::uint8_t type = avc::nal_type(nal[0]);
  if (type == avc::nal_aud || type == avc::nal_filler) return left_out;
  return type == avc::nal_sps ? 0 : type == avc::nal_pps ? 1 : kept;
}

}  // namespace

Status StreamInput::set_caps(const GstCaps* caps) {
  *this = StreamInput{};
  caps_ = Ref<GstCaps>::adopt(gst_caps_copy(caps));
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  const char* text = gst_structure_get_string(s, "stream-format");
  const std::string_view stream_format = text != nullptr ? text : "";
  const bool has_record = gst_structure_has_field(s, "codec_data") != FALSE;
  const bool is_ac3 = gst_structure_has_name(s, "audio/x-ac3") != FALSE;
  const bool is_eac3 = gst_structure_has_name(s, "audio/x-eac3") != FALSE;
  if (stream_format == "byte-stream") {
    format_ = Format::byte_stream;
    hevc_ = gst_structure_has_name(s, "video/x-h265") != FALSE;
    sets_.resize(hevc_ ? 3 : 2);
  } else if (stream_format == "adts") {
    format_ = Format::framed_audio;
    syntax_ = codecs::audio_syntax(codecs::Codec::aac);
  } else if ((is_ac3 || is_eac3) && !has_record) {
    format_ = Format::framed_audio;
    syntax_ = codecs::audio_syntax(is_ac3 ? codecs::Codec::ac3 : codecs::Codec::eac3);
  } else if (gst_structure_has_name(s, "video/x-av1") != FALSE && !has_record) {
    format_ = Format::temporal_units;
  } else {
    info_ = TRY(gstkit::stream_info_of(caps));
  }
  return {};
}

Result<Ref<GstBuffer>> StreamInput::convert(Ref<GstBuffer> unit) {
  if (format_ == Format::byte_stream) return from_byte_stream(unit);
  if (format_ == Format::framed_audio) return from_framed_audio(std::move(unit));
  if (format_ == Format::temporal_units) return from_temporal_unit(unit);
  return unit;
}

Status StreamInput::take_parameter_sets(ParameterSets came) {
  bool changed = false;
  for (std::size_t kind = 0; kind < sets_.size(); ++kind) {
    if (came[kind].empty() || came[kind] == sets_[kind]) continue;
    changed = true;
    sets_[kind] = std::move(came[kind]);
  }
  const auto is_empty = [](const std::vector<ByteVector>& sets) { return sets.empty(); };
  if (!changed || std::any_of(sets_.begin(), sets_.end(), is_empty)) return {};
  codecs::StreamInfo info = hevc_ ? TRY(hevc::stream_info(views(sets_[0]), views(sets_[1]), views(sets_[2])))
                                  : TRY(avc::stream_info(views(sets_[0]), views(sets_[1])));
  gstkit::apply_video_caps(caps_.get(), info);
  info_ = std::move(info);
  return {};
}

Result<Ref<GstBuffer>> StreamInput::from_byte_stream(const Ref<GstBuffer>& unit) {
  const gstkit::BufferMap map{unit.get()};
  if (!map.ok()) return Error{ErrorCode::internal, "an access unit cannot be mapped for reading"};
  ParameterSets came(sets_.size());
  ByteVector data;
  data.reserve(map.bytes().size() + 16);
  Writer out{data};
  for_each_nal(map.bytes(), [&](Bytes nal) {
    const std::size_t kind = kind_of(hevc_, nal);
    if (kind == kept) {
      out.u32(nal.size());
      out.bytes(nal);
    } else if (kind != left_out) {
      came[kind].emplace_back(nal.begin(), nal.end());
    }
  });
  TRY(take_parameter_sets(std::move(came)));
  if (!info_ || data.empty()) return Ref<GstBuffer>{};
  return with_times_of(unit, gstkit::buffer_of(Blob::of(std::move(data))));
}

Result<Ref<GstBuffer>> StreamInput::from_temporal_unit(const Ref<GstBuffer>& unit) {
  const gstkit::BufferMap map{unit.get()};
  if (!map.ok()) return Error{ErrorCode::internal, "a temporal unit cannot be mapped for reading"};
  codecs::av1::TemporalUnit read = TRY(codecs::av1::read_temporal_unit(map.bytes()));
  if (read.sequence_header && *read.sequence_header != sequence_header_) {
    sequence_header_ = std::move(*read.sequence_header);
    const ByteVector record = TRY(codecs::av1::configuration_record(sequence_header_));
    codecs::StreamInfo info = TRY(codecs::av1::stream_info_from_config(record));
    gstkit::apply_video_caps(caps_.get(), info);
    info_ = std::move(info);
  }
  if (!info_ || read.sample.empty()) return Ref<GstBuffer>{};
  return with_times_of(unit, gstkit::buffer_of(Blob::of(std::move(read.sample))));
}

Result<Ref<GstBuffer>> StreamInput::from_framed_audio(Ref<GstBuffer> unit) {
  const gstkit::BufferMap map{unit.get()};
  const std::string name{codecs::name_of(syntax_->codec())};
  if (map.bytes().size() < syntax_->probe_size()) return malformed("a buffer of " + name + " is no frame");
  const auto frame = syntax_->parse(map.bytes());
  if (!frame || frame->size != map.bytes().size())
    return malformed("a buffer of " + name + " is not one frame");
  if (!info_) info_ = TRY(syntax_->describe(map.bytes()));
  if (frame->header_size == 0) return unit;
  // GStreamer copies the times only of regions that begin at 0.
  GstBuffer* raw =
      gst_buffer_copy_region(unit.get(), GST_BUFFER_COPY_MEMORY, frame->header_size, static_cast<gsize>(-1));
  return with_times_of(unit, Ref<GstBuffer>::adopt(raw));
}

}  // namespace tarn::package
