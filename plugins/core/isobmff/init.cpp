// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/base/time.h"
#include "core/codecs/aac.h"
#include "core/codecs/avc.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/box_writer.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/ftyp.h"
#include "core/isobmff/language.h"
#include "core/isobmff/moov.h"

// The CMAF header (ISO/IEC 23000-19 7.3.2.1): ftyp and moov.
namespace tarn::isobmff {
namespace {

constexpr std::uint32_t whole_16_16(std::uint32_t value) { return value > 0xffff ? 0 : value << 16U; }

// Width as displayed: the sample aspect ratio stretches it (14496-12 8.3.2.3).
std::uint32_t display_width(const codecs::StreamInfo& info) {
  if (info.sar_width == 0 || info.sar_height == 0) return info.width;
  return static_cast<std::uint32_t>(rescale(info.width, info.sar_height, info.sar_width));
}

Avc1 avc_sample_entry(const codecs::StreamInfo& info) {
  Avc1 entry;
  entry.width = static_cast<std::uint16_t>(info.width);
  entry.height = static_cast<std::uint16_t>(info.height);
  entry.avc_c.record = info.config;
  if (info.sar_width != info.sar_height) entry.pasp = Pasp{info.sar_width, info.sar_height};
  return entry;
}

Mp4a aac_sample_entry(const codecs::StreamInfo& info) {
  Mp4a entry;
  entry.channelcount = static_cast<std::uint16_t>(info.channels);
  entry.samplerate = whole_16_16(info.sample_rate);
  entry.esds.es_descriptor = write_es_descriptor({.specific_info = info.config});
  return entry;
}

Status fill_media(Mdia& mdia, const codecs::StreamInfo& info) {
  if (info.config.empty()) return malformed("CMAF header: no decoder configuration");
  switch (info.codec) {
    case codecs::Codec::h264:
      if (info.width > 0xffff || info.height > 0xffff) return malformed("CMAF header: picture too large");
      mdia.hdlr.handler_type = Hdlr::video;
      mdia.minf.vmhd.emplace();
      mdia.minf.stbl.stsd.avc1 = avc_sample_entry(info);
      return {};
    case codecs::Codec::aac:
      mdia.hdlr.handler_type = Hdlr::audio;
      mdia.minf.smhd.emplace();
      mdia.minf.stbl.stsd.mp4a = aac_sample_entry(info);
      return {};
    default:
      return unsupported("CMAF header: codec " + std::string{codecs::name_of(info.codec)});
  }
}

void set_language(Mdia& mdia, std::string_view language) {
  const std::string code = three_letter_code(language);
  mdia.mdhd.language = pack_language(code);
  if (language.empty() || language == code) return;
  Elng& elng = mdia.elng.emplace();
  elng.extended_language.assign(language.begin(), language.end());
  elng.extended_language.push_back(0);
}

std::string language_of(const Mdia& mdia) {
  if (!mdia.elng) return unpack_language(mdia.mdhd.language);
  const ByteVector& text = mdia.elng->extended_language;
  return {text.begin(), std::find(text.begin(), text.end(), 0)};
}

Result<codecs::StreamInfo> stream_info(const Stsd& stsd) {
  if (stsd.avc1) {
    codecs::StreamInfo info = TRY(codecs::avc::stream_info_from_config(stsd.avc1->avc_c.record));
    if (stsd.avc1->pasp && stsd.avc1->pasp->h_spacing != 0 && stsd.avc1->pasp->v_spacing != 0) {
      info.sar_width = stsd.avc1->pasp->h_spacing;
      info.sar_height = stsd.avc1->pasp->v_spacing;
    }
    return info;
  }
  if (stsd.mp4a) {
    const DecoderConfig config = TRY(parse_es_descriptor(stsd.mp4a->esds.es_descriptor));
    if (config.object_type_indication != DecoderConfig::mpeg4_audio) {
      return unsupported("esds: object type " + std::to_string(config.object_type_indication));
    }
    return codecs::aac::stream_info_from_config(config.specific_info);
  }
  return unsupported("sample entry " + to_text(stsd.entry_type));
}

bool is_encrypted(FourCC sample_entry) {
  return sample_entry == fourcc("encv") || sample_entry == fourcc("enca");
}

Result<Moov> find_moov(Bytes bytes) {
  ReadContext context;
  std::size_t at = 0;
  while (const auto box = read_box_header(bytes, at, ErrorCode::truncated, context)) {
    at = box->end();
    if (box->type != Moov::type) continue;
    Moov moov;
    read_box(bytes, *box, moov, context);
    if (context.ok()) return moov;
  }
  if (!context.ok()) return context.take_error();
  return truncated("CMAF header: no moov box");
}

}  // namespace

Result<ByteVector> write_init(const codecs::StreamInfo& info, std::string_view language) {
  if (info.timescale == 0) return malformed("CMAF header: timescale 0");
  Moov moov;
  moov.mvhd.timescale = info.timescale;
  moov.mvex.emplace();
  Trak& trak = moov.traks.emplace_back();
  trak.mdia.mdhd.timescale = info.timescale;
  set_language(trak.mdia, language);
  TRY(fill_media(trak.mdia, info));
  if (trak.mdia.minf.smhd) {
    trak.tkhd.volume = 0x100;
  } else {
    trak.tkhd.width = whole_16_16(display_width(info));
    trak.tkhd.height = whole_16_16(info.height);
  }
  ByteVector out;
  Ftyp ftyp = cmaf_header_brands;
  append_box(out, ftyp);
  append_box(out, moov);
  return out;
}

Result<ParsedInit> parse_init(Bytes bytes) {
  const Moov moov = TRY(find_moov(bytes));
  if (moov.traks.size() != 1) {
    return unsupported("CMAF header: " + std::to_string(moov.traks.size()) + " tracks, not one");
  }
  const Trak& trak = moov.traks.front();
  const Stsd& stsd = trak.mdia.minf.stbl.stsd;
  if (is_encrypted(stsd.entry_type))
    return Error{ErrorCode::encrypted, "CMAF header: the track is encrypted"};
  if (trak.mdia.mdhd.timescale == 0) return malformed("moov/trak/mdia/mdhd: timescale 0");
  ParsedInit init;
  init.info = TRY(stream_info(stsd));
  init.info.timescale = trak.mdia.mdhd.timescale;
  init.track_id = trak.tkhd.track_id;
  init.language = language_of(trak.mdia);
  return init;
}

}  // namespace tarn::isobmff
