// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/pes_builder.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "core/base/time.h"
#include "core/codecs/aac.h"
#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"

namespace tarn::mpegts {
namespace {

namespace avc = codecs::avc;
namespace hevc = codecs::hevc;
namespace aac = codecs::aac;

constexpr std::uint32_t clock_rate = 90'000;
constexpr std::size_t header_with_pts = 14;
constexpr std::size_t header_with_both = 19;
constexpr std::size_t max_pes_length = 0xFFFF;
constexpr std::size_t max_audio_frame = max_pes_length - header_with_both;
constexpr std::array<std::uint8_t, 4> start_code{0, 0, 0, 1};
// primary_pic_type 7, pic_type 2: any slice type
constexpr std::array<std::uint8_t, 6> avc_delimiter{0, 0, 0, 1, avc::nal_aud, 0xF0};
constexpr std::array<std::uint8_t, 7> hevc_delimiter{0, 0, 0, 1, hevc::nal_aud << 1U, 1, 0x50};

void write_timestamp(std::uint8_t* p, unsigned prefix, std::int64_t ticks) {
  const std::uint64_t t = static_cast<std::uint64_t>(ticks & timestamp_mask);
  p[0] = static_cast<std::uint8_t>(prefix << 4U | (t >> 29U & 0x0EU) | 1U);
  p[1] = static_cast<std::uint8_t>(t >> 22U);
  p[2] = static_cast<std::uint8_t>((t >> 14U & 0xFEU) | 1U);
  p[3] = static_cast<std::uint8_t>(t >> 7U);
  p[4] = static_cast<std::uint8_t>((t << 1U & 0xFEU) | 1U);
}

}  // namespace

Result<PesBuilder> PesBuilder::build(const Stream& stream, std::uint8_t stream_id) {
  PesBuilder builder;
  const bool is_video = codecs::kind_of(stream.info.codec) == codecs::Kind::video;
  const Status status =
      is_video ? builder.build_video(stream, stream_id) : builder.build_audio(stream, stream_id);
  if (!status.ok()) return status.error();
  return builder;
}

PesBuilder PesBuilder::of_tags(const std::vector<Metadata>& tags) {
  constexpr std::uint8_t private_stream_1 = 0xBD;
  PesBuilder builder;
  builder.small_.reserve(tags.size() * header_with_both);
  for (const Metadata& tag : tags) {
    const Sample sample{.dts = tag.time, .pts = tag.time, .data = tag.data, .sync = false};
    builder.begin_pes(sample);
    builder.packets_.back().dts = tag.sent;
    builder.add(tag.data);
    builder.end_pes(sample, private_stream_1);
  }
  return builder;
}

void PesBuilder::begin_pes(const Sample& first) {
  Pes pes;
  pes.first_piece = pieces_.size();
  pes.dts = first.dts;
  pes.sync = first.sync;
  pes.header_size = first.pts == first.dts ? header_with_pts : header_with_both;
  packets_.push_back(pes);
  add(Bytes{make(pes.header_size), pes.header_size});
}

// Fills the header in, now that the length is known.
void PesBuilder::end_pes(const Sample& first, std::uint8_t stream_id) {
  Pes& pes = packets_.back();
  pes.piece_count = pieces_.size() - pes.first_piece;
  const bool has_dts = pes.header_size == header_with_both;
  const std::size_t length = pes.size - 6;
  std::uint8_t* p = small_.data() + (pieces_[pes.first_piece].data() - small_.data());
  p[0] = p[1] = 0;
  p[2] = 1;
  p[3] = stream_id;
  // 0, for video only: unbounded
  p[4] = static_cast<std::uint8_t>(length > max_pes_length ? 0 : length >> 8U);
  p[5] = static_cast<std::uint8_t>(length > max_pes_length ? 0 : length);
  p[6] = 0x84;  // data_alignment_indicator
  p[7] = has_dts ? 0xC0 : 0x80;
  p[8] = static_cast<std::uint8_t>(pes.header_size - 9);
  write_timestamp(p + 9, has_dts ? 3 : 2, first.pts);
  if (has_dts) write_timestamp(p + 14, 1, first.dts);
}

void PesBuilder::add_parameter_sets(const std::vector<ByteVector>& sets) {
  for (const ByteVector& set : sets) {
    parameter_sets_.insert(parameter_sets_.end(), start_code.begin(), start_code.end());
    parameter_sets_.insert(parameter_sets_.end(), set.begin(), set.end());
  }
}

Result<PesBuilder::NalFormat> PesBuilder::begin_video(const Stream& stream) {
  if (stream.info.codec == codecs::Codec::hevc) {
    const hevc::ParameterSets sets = TRY(hevc::parameter_sets_from_config(stream.info.config));
    for (const auto* list : {&sets.vps, &sets.sps, &sets.pps}) add_parameter_sets(*list);
    return NalFormat{sets.nal_length_size, hevc_delimiter, hevc::nal_aud, hevc::nal_type};
  }
  const avc::ParameterSets sets = TRY(avc::parameter_sets_from_config(stream.info.config));
  for (const auto* list : {&sets.sps, &sets.pps}) add_parameter_sets(*list);
  return NalFormat{sets.nal_length_size, avc_delimiter, avc::nal_aud, avc::nal_type};
}

Status PesBuilder::build_video(const Stream& stream, std::uint8_t stream_id) {
  const NalFormat format = TRY(begin_video(stream));
  packets_.reserve(stream.samples.size());
  small_.reserve(stream.samples.size() * header_with_both);
  for (const Sample& sample : stream.samples) {
    begin_pes(sample);
    add(format.delimiter);
    if (sample.sync) add(parameter_sets_);
    if (Status status = add_nal_units(sample, format); !status.ok()) return status;
    end_pes(sample, stream_id);
  }
  return {};
}

Status PesBuilder::add_nal_units(const Sample& sample, const NalFormat& format) {
  for (std::size_t at = 0; at < sample.data.size();) {
    std::size_t size = 0;
    const std::size_t left = sample.data.size() - at;
    for (std::size_t i = 0; i < std::min(format.length_size, left); ++i) {
      size = size << 8U | sample.data[at + i];
    }
    if (left < format.length_size || left - format.length_size < size) {
      return malformed("video sample at " + std::to_string(sample.dts) + ": NAL unit lengths do not fit");
    }
    const Bytes nal = sample.data.subspan(at + format.length_size, size);
    at += format.length_size + size;
    if (nal.empty() || format.type_of(nal[0]) == format.delimiter_type) continue;
    add(start_code);
    add(nal);
  }
  return {};
}

Status PesBuilder::build_audio(const Stream& stream, std::uint8_t stream_id) {
  std::optional<aac::AdtsWriter> adts;  // the other codecs frame themselves
  if (stream.info.codec == codecs::Codec::aac) adts = TRY(aac::AdtsWriter::for_config(stream.info.config));
  const std::size_t extra = adts ? aac::adts_header_size : 0;
  const std::vector<Sample>& samples = stream.samples;
  small_.reserve(samples.size() * (header_with_both + extra));
  for (std::size_t i = 0; i < samples.size();) {
    const Sample& first = samples[i];
    begin_pes(first);
    for (std::size_t n = 0; n < frames_per_pes && i < samples.size(); ++n, ++i) {
      const Sample& sample = samples[i];
      const std::int64_t expected = rescale(static_cast<std::int64_t>(n) * stream.info.samples_per_frame,
                                            stream.info.sample_rate, clock_rate);
      const std::int64_t distance = sample.pts - first.pts;
      const bool adjoins = distance - expected <= 1 && expected - distance <= 1;
      const std::size_t grown = packets_.back().size + sample.data.size() + extra;
      if (n > 0 && (!adjoins || grown > max_pes_length)) break;
      if (sample.data.size() > (adts ? aac::AdtsWriter::max_frame_size : max_audio_frame)) {
        return Error{ErrorCode::limit, std::string{codecs::name_of(stream.info.codec)} + " frame of " +
                                           std::to_string(sample.data.size()) + " bytes"};
      }
      if (adts) {
        const auto header = adts->header(sample.data.size());
        std::uint8_t* p = make(header.size());
        std::copy(header.begin(), header.end(), p);
        add(Bytes{p, header.size()});
      }
      add(sample.data);
    }
    end_pes(first, stream_id);
  }
  return {};
}

}  // namespace tarn::mpegts
