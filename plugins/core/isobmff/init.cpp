// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/codecs/manifest_terms.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/box_writer.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/ftyp.h"
#include "core/isobmff/language.h"
#include "core/isobmff/moov.h"
#include "core/isobmff/sample_description.h"

// The CMAF header (ISO/IEC 23000-19 7.3.2.1): ftyp and moov.
namespace tarn::isobmff {
namespace {

constexpr std::uint32_t whole_16_16(std::uint32_t value) { return value > 0xffff ? 0 : value << 16U; }

void set_language(Mdia& mdia, std::string_view language) {
  const std::string code = three_letter_code(language);
  mdia.mdhd.language = pack_language(code);
  if (language.empty() || language == code) return;
  Elng& elng = mdia.elng.emplace();
  elng.content.assign(4, 0);
  elng.content.insert(elng.content.end(), language.begin(), language.end());
  elng.content.push_back(0);
}

}  // namespace

Result<ByteVector> write_init(const codecs::StreamInfo& info, std::string_view language) {
  if (info.timescale == 0) return malformed("CMAF header: timescale 0");
  Moov moov;
  moov.mvhd.timescale = info.timescale;
  moov.mvex.emplace().trexes.emplace_back();
  Trak& trak = moov.traks.emplace_back();
  trak.mdia.mdhd.timescale = info.timescale;
  set_language(trak.mdia, language);
  TRY(fill_sample_entry(trak.mdia.minf.stbl.stsd, info));
  switch (codecs::kind_of(info.codec)) {
    case codecs::Kind::video:
      trak.mdia.hdlr.handler_type = Hdlr::video;
      trak.mdia.minf.vmhd.emplace();
      trak.tkhd.width = whole_16_16(codecs::display_width(info));
      trak.tkhd.height = whole_16_16(info.height);
      break;
    case codecs::Kind::audio:
      trak.mdia.hdlr.handler_type = Hdlr::audio;
      trak.mdia.minf.smhd.emplace();
      trak.tkhd.volume = 0x100;
      break;
    case codecs::Kind::text:
      trak.mdia.hdlr.handler_type = Hdlr::text;
      trak.mdia.minf.nmhd.emplace();
      break;
  }
  ByteVector out;
  Ftyp ftyp = cmaf_header_brands;
  append_box(out, ftyp);
  append_box(out, moov);
  return out;
}

}  // namespace tarn::isobmff
