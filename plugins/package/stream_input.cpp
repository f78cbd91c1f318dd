// SPDX-License-Identifier: Apache-2.0
#include "package/stream_input.h"

#include <string_view>
#include <utility>

#include "core/codecs/aac.h"
#include "core/codecs/avc.h"
#include "core/codecs/nal.h"
#include "gstkit/caps.h"
#include "gstkit/map.h"
#include "gstkit/memory.h"

namespace tarn::package {
namespace {

using gstkit::Ref;
namespace avc = codecs::avc;

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

}  // namespace

Status StreamInput::set_caps(const GstCaps* caps) {
  *this = StreamInput{};
  caps_ = Ref<GstCaps>::adopt(gst_caps_copy(caps));
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  const char* text = gst_structure_get_string(s, "stream-format");
  const std::string_view stream_format = text != nullptr ? text : "";
  if (stream_format == "byte-stream") {
    format_ = Format::h264_byte_stream;
  } else if (stream_format == "adts") {
    format_ = Format::adts;
  } else {
    info_ = TRY(gstkit::stream_info_of(caps));
  }
  return {};
}

Result<Ref<GstBuffer>> StreamInput::convert(Ref<GstBuffer> unit) {
  if (format_ == Format::h264_byte_stream) return from_byte_stream(std::move(unit));
  if (format_ == Format::adts) return from_adts(std::move(unit));
  return unit;
}

Status StreamInput::take_parameter_sets(std::vector<ByteVector> sps, std::vector<ByteVector> pps) {
  const bool changed = (!sps.empty() && sps != sps_) || (!pps.empty() && pps != pps_);
  if (!changed) return {};
  if (!sps.empty()) sps_ = std::move(sps);
  if (!pps.empty()) pps_ = std::move(pps);
  if (sps_.empty() || pps_.empty()) return {};
  codecs::StreamInfo info = TRY(avc::stream_info(views(sps_), views(pps_)));
  gstkit::apply_video_caps(caps_.get(), info);
  info_ = std::move(info);
  return {};
}

Result<Ref<GstBuffer>> StreamInput::from_byte_stream(Ref<GstBuffer> unit) {
  const gstkit::BufferMap map{unit.get()};
  if (!map.ok()) return Error{ErrorCode::internal, "an access unit cannot be mapped for reading"};
  std::vector<ByteVector> sps;
  std::vector<ByteVector> pps;
  ByteVector data;
  data.reserve(map.bytes().size() + 16);
  Writer out{data};
  for_each_nal(map.bytes(), [&](Bytes nal) {
    switch (avc::nal_type(nal[0])) {
      case avc::nal_sps:
        sps.emplace_back(nal.begin(), nal.end());
        break;
      case avc::nal_pps:
        pps.emplace_back(nal.begin(), nal.end());
        break;
      case avc::nal_aud:
      case avc::nal_filler:
        break;
      default:
        out.u32(nal.size());
        out.bytes(nal);
    }
  });
  TRY(take_parameter_sets(std::move(sps), std::move(pps)));
  if (!info_ || data.empty()) return Ref<GstBuffer>{};
  return with_times_of(unit, gstkit::buffer_of(Blob::of(std::move(data))));
}

Result<Ref<GstBuffer>> StreamInput::from_adts(Ref<GstBuffer> unit) {
  const gstkit::BufferMap map{unit.get()};
  const auto header = codecs::aac::parse_adts(map.bytes());
  if (!header || header->frame_size != map.bytes().size())
    return malformed("an AAC buffer is not one ADTS frame");
  if (header->raw_blocks != 1) return unsupported("ADTS frames of several raw data blocks");
  if (!info_) info_ = TRY(codecs::aac::stream_info(*header));
  // GStreamer copies the times only of regions that begin at 0.
  GstBuffer* frame =
      gst_buffer_copy_region(unit.get(), GST_BUFFER_COPY_MEMORY, header->header_size, static_cast<gsize>(-1));
  return with_times_of(unit, Ref<GstBuffer>::adopt(frame));
}

}  // namespace tarn::package
