// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/sample_description.h"

#include <string>
#include <utility>

#include "core/codecs/mp3.h"

namespace tarn::isobmff {
namespace {

using codecs::Codec;
using codecs::StreamInfo;

constexpr std::uint32_t lowest_mpeg1_rate = 32'000;

constexpr std::uint32_t whole_16_16(std::uint32_t value) { return value > 0xffff ? 0 : value << 16U; }

template <class Entry>
void fill_visual(Entry& entry, const StreamInfo& info) {
  entry.width = static_cast<std::uint16_t>(info.width);
  entry.height = static_cast<std::uint16_t>(info.height);
  if (info.sar_width != info.sar_height) entry.pasp = Pasp{info.sar_width, info.sar_height};
}

template <class Entry>
Entry visual(const StreamInfo& info) {
  Entry entry;
  fill_visual(entry, info);
  entry.config.record = info.config;
  return entry;
}

template <class Entry>
Entry audio(const StreamInfo& info) {
  Entry entry;
  entry.channelcount = static_cast<std::uint16_t>(info.channels);
  entry.samplerate = whole_16_16(info.sample_rate);
  entry.config.record = info.config;
  return entry;
}

Mp4a mp4a(const StreamInfo& info) {
  Mp4a entry;
  entry.channelcount = static_cast<std::uint16_t>(info.channels);
  entry.samplerate = whole_16_16(info.sample_rate);
  DecoderConfig config;
  if (info.codec == Codec::mp3) {
    const bool full_rate = info.sample_rate >= lowest_mpeg1_rate;
    config.object_type_indication = full_rate ? DecoderConfig::mpeg1_layer3 : DecoderConfig::mpeg2_layer3;
  } else {
    config.specific_info = info.config;
  }
  entry.esds.es_descriptor = write_es_descriptor(config);
  return entry;
}

template <class Entry>
Result<StreamInfo> read_visual(const Entry& entry, Codec codec, Bytes record) {
  StreamInfo info = TRY(codecs::stream_info_from_config(codec, record));
  // Records of AV1 and VP9 may say no size.
  if (info.width == 0 || info.height == 0) {
    info.width = entry.width;
    info.height = entry.height;
  }
  if (entry.pasp && entry.pasp->h_spacing != 0 && entry.pasp->v_spacing != 0) {
    info.sar_width = entry.pasp->h_spacing;
    info.sar_height = entry.pasp->v_spacing;
  }
  return info;
}

Result<StreamInfo> read_mp4a(const Mp4a& entry) {
  const DecoderConfig config = TRY(parse_es_descriptor(entry.esds.es_descriptor));
  switch (config.object_type_indication) {
    case DecoderConfig::mpeg4_audio:
      return codecs::stream_info_from_config(Codec::aac, config.specific_info);
    case DecoderConfig::mpeg1_layer3:
    case DecoderConfig::mpeg2_layer3: {
      codecs::mp3::Header header;
      header.sample_rate = entry.samplerate >> 16U;
      header.mono = entry.channelcount == 1;
      // MPEG-2 has half the rates of MPEG-1, MPEG-2.5 a quarter of them.
      header.version = header.sample_rate >= lowest_mpeg1_rate ? 1 : header.sample_rate >= 16'000 ? 2 : 3;
      return codecs::mp3::stream_info(header);
    }
    default:
      return unsupported("esds: object type " + std::to_string(config.object_type_indication));
  }
}

}  // namespace

Status fill_sample_entry(Stsd& stsd, const StreamInfo& info) {
  if (info.config.empty()) return malformed("CMAF header: no decoder configuration");
  if (info.width > 0xffff || info.height > 0xffff) return malformed("CMAF header: picture too large");
  switch (info.codec) {
    case Codec::h264:
      stsd.avc1.emplace();
      fill_visual(*stsd.avc1, info);
      stsd.avc1->avc_c.record = info.config;
      return {};
    case Codec::hevc:
      stsd.hvc1 = visual<Hvc1>(info);
      return {};
    case Codec::av1:
      stsd.av01 = visual<Av01>(info);
      return {};
    case Codec::vp9:
      stsd.vp09 = visual<Vp09>(info);
      return {};
    case Codec::aac:
    case Codec::mp3:
      stsd.mp4a = mp4a(info);
      return {};
    case Codec::ac3:
      stsd.ac3 = audio<Ac3>(info);
      return {};
    case Codec::eac3:
      stsd.ec3 = audio<Ec3>(info);
      return {};
    case Codec::opus:
      stsd.opus = audio<OpusEntry>(info);
      return {};
    case Codec::webvtt:
      stsd.wvtt.emplace().config.record = info.config;
      return {};
  }
  return unsupported("CMAF header: codec " + std::string{codecs::name_of(info.codec)});
}

Result<StreamInfo> read_sample_entry(const Stsd& stsd) {
  if (stsd.avc1) return read_visual(*stsd.avc1, Codec::h264, stsd.avc1->avc_c.record);
  if (stsd.avc3) return read_visual(*stsd.avc3, Codec::h264, stsd.avc3->config.record);
  if (stsd.hvc1) return read_visual(*stsd.hvc1, Codec::hevc, stsd.hvc1->config.record);
  if (stsd.hev1) return read_visual(*stsd.hev1, Codec::hevc, stsd.hev1->config.record);
  if (stsd.av01) return read_visual(*stsd.av01, Codec::av1, stsd.av01->config.record);
  if (stsd.vp09) return read_visual(*stsd.vp09, Codec::vp9, stsd.vp09->config.record);
  if (stsd.mp4a) return read_mp4a(*stsd.mp4a);
  if (stsd.ac3) return codecs::stream_info_from_config(Codec::ac3, stsd.ac3->config.record);
  if (stsd.opus) return codecs::stream_info_from_config(Codec::opus, stsd.opus->config.record);
  if (stsd.wvtt) return codecs::stream_info_from_config(Codec::webvtt, stsd.wvtt->config.record);
  if (stsd.ec3) {
    StreamInfo info = TRY(codecs::stream_info_from_config(Codec::eac3, stsd.ec3->config.record));
    // The record does not say which of the half rates it is.
    const std::uint32_t rate = stsd.ec3->samplerate >> 16U;
    const bool is_half = rate == 24'000 || rate == 22'050 || rate == 16'000;
    if (is_half) info.sample_rate = info.timescale = rate;
    return info;
  }
  return unsupported("sample entry " + to_text(stsd.entry_type));
}

}  // namespace tarn::isobmff
