// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/psi.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/mpegts/crc.h"

namespace tarn::mpegts {
namespace {

constexpr std::uint8_t table_pat = 0x00;
constexpr std::uint8_t table_pmt = 0x02;
constexpr std::uint8_t stuffing = 0xFF;
constexpr std::uint8_t descriptor_registration = 0x05;
constexpr std::uint8_t descriptor_language = 0x0A;
constexpr std::uint8_t descriptor_mpeg4_audio = 0x1C;
constexpr std::uint8_t descriptor_metadata = 0x26;
constexpr std::uint8_t descriptor_mpeg2_aac = 0x2B;
constexpr std::uint8_t descriptor_dvb_ac3 = 0x6A;
constexpr std::uint8_t descriptor_dvb_eac3 = 0x7A;
constexpr std::uint8_t descriptor_dvb_aac = 0x7C;
constexpr std::size_t section_start = 3;  // bytes up to and with section_length
constexpr std::size_t crc_size = 4;

// The fields between section_length and the table's own (2.4.4.3); false when it is not this table
// or not yet valid.
bool read_head(Reader& in, std::uint8_t table, std::uint16_t& id) {
  if (in.u8() != table) return false;
  const std::uint16_t flags_and_length = in.u16();
  id = in.u16();
  const bool current = (in.u8() & 1U) != 0;
  in.skip(2);  // section_number, last_section_number
  return in.ok() && (flags_and_length & 0x8000U) != 0 && current;
}

std::string read_language(Bytes body) {
  if (body.size() < 3) return {};
  const std::string_view code = as_text(body.first(3));
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return std::all_of(code.begin(), code.end(), is_letter) ? std::string{code} : std::string{};
}

// MPEG-4_audio_profile_and_level: table 2-72 here, audioProfileLevelIndication of ISO/IEC 14496-3 1.5.2.4.
codecs::aac::Extension extension_of(std::uint8_t profile_and_level) {
  const auto among = [profile_and_level](std::uint8_t first, std::uint8_t last) {
    return profile_and_level >= first && profile_and_level <= last;
  };
  if (among(0x2C, 0x2F) || among(0x58, 0x5B)) return codecs::aac::Extension::sbr;
  if (among(0x30, 0x33) || among(0x60, 0x63)) return codecs::aac::Extension::sbr_and_ps;
  return codecs::aac::Extension::none;
}

void read_descriptor(std::uint8_t tag, Bytes body, Descriptors& found) {
  switch (tag) {
    case descriptor_registration:
      if (found.registration == 0) found.registration = Reader{body}.u32();
      break;
    case descriptor_language:
      if (found.language.empty()) found.language = read_language(body);
      break;
    case descriptor_mpeg4_audio:
    case descriptor_dvb_aac:
      if (!body.empty()) found.aac = extension_of(body[0]);
      break;
    case descriptor_mpeg2_aac:  // MPEG-2_AAC_additional_information: bandwidth extension
      if (body.size() >= 3 && body[2] == 1) found.aac = codecs::aac::Extension::sbr;
      break;
    case descriptor_metadata: {  // 2.6.60
      Reader in{body};
      if (in.u16() == 0xFFFF) in.skip(4);
      found.id3 = found.id3 || (in.u8() == 0xFF && in.u32() == metadata_format_id3);
      break;
    }
    case descriptor_dvb_ac3:
      found.ac3 = true;
      break;
    case descriptor_dvb_eac3:
      found.eac3 = true;
      break;
    default:
      break;
  }
}

Descriptors read_descriptors(Bytes descriptors) {
  Reader in{descriptors};
  Descriptors found;
  while (in.remaining() >= 2) {
    const std::uint8_t tag = in.u8();
    const Bytes body = in.take(in.u8());
    if (in.ok()) read_descriptor(tag, body, found);
  }
  return found;
}

}  // namespace

bool SectionGatherer::take(Bytes& section, unsigned& bad) {
  if (gathered_.empty()) return false;
  if (gathered_[0] == stuffing) {  // nothing but stuffing follows
    gathered_.clear();
    started_ = false;
    return false;
  }
  if (gathered_.size() < section_start) return false;
  const std::size_t size =
      section_start + (static_cast<std::size_t>(gathered_[1] & 0x0FU) << 8U | gathered_[2]);
  if (size > max_section_size || size < section_start + crc_size) {
    bad += abandon();
    return false;
  }
  if (gathered_.size() < size) return false;
  taken_ = size;
  section = Bytes{gathered_}.first(size);
  if (crc32(section) != 0) {
    section = {};
    ++bad;
  }
  return true;
}

Result<std::uint16_t> parse_pat(Bytes section) {
  Reader in{section.first(section.size() - std::min(section.size(), crc_size))};
  std::uint16_t id = 0;
  if (!read_head(in, table_pat, id)) return unsupported("PAT: not a current program association section");
  while (in.remaining() >= 4) {
    const std::uint16_t program = in.u16();
    const auto pid = static_cast<std::uint16_t>(in.u16() & 0x1FFFU);
    if (program != 0) return pid;
  }
  return unsupported("PAT: lists no program");
}

Result<ProgramMap> parse_pmt(Bytes section) {
  Reader in{section.first(section.size() - std::min(section.size(), crc_size))};
  ProgramMap map;
  if (!read_head(in, table_pmt, map.program_number)) {
    return unsupported("PMT: not a current program map section");
  }
  in.skip(2);  // PCR_PID
  in.skip(in.u16() & 0x0FFFU);
  while (in.remaining() >= 5) {
    ElementaryInfo stream;
    stream.stream_type = in.u8();
    stream.pid = static_cast<std::uint16_t>(in.u16() & 0x1FFFU);
    stream.descriptors = read_descriptors(in.take(in.u16() & 0x0FFFU));
    if (!in.ok()) break;
    if (map.streams.size() == max_elementary_streams) {
      return Error{ErrorCode::limit, "PMT: more than 32 elementary streams"};
    }
    map.streams.push_back(std::move(stream));
  }
  if (!in.ok()) return malformed("PMT: lengths do not fit the section");
  return map;
}

std::optional<codecs::Codec> codec_of(const ElementaryInfo& info) {
  switch (info.stream_type) {
    case stream_type_h264:
      return codecs::Codec::h264;
    case stream_type_hevc:
      return codecs::Codec::hevc;
    case stream_type_aac:
      return codecs::Codec::aac;
    case stream_type_mpeg1_audio:
    case stream_type_mpeg2_audio:
      return codecs::Codec::mp3;  // layers I and II are told apart by their frames
    case stream_type_ac3:
      return codecs::Codec::ac3;
    case stream_type_eac3:
      return codecs::Codec::eac3;
    default:
      break;
  }
  if (info.stream_type != stream_type_private && info.stream_type != stream_type_eac3_hdmv) return {};
  const Descriptors& d = info.descriptors;
  if (d.registration == registration_eac3 || d.eac3) return codecs::Codec::eac3;
  if (d.registration == registration_ac3 || d.ac3) return codecs::Codec::ac3;
  if (d.registration == registration_hevc) return codecs::Codec::hevc;
  return {};
}

std::string_view stream_type_name(std::uint8_t type) {
  static constexpr std::array<std::pair<std::uint8_t, std::string_view>, 26> names{{
      {0x01, "MPEG-1 video"},
      {0x02, "MPEG-2 video"},
      {0x03, "MPEG-1 audio"},
      {0x04, "MPEG-2 audio"},
      {0x05, "private sections"},
      {0x06, "private PES"},
      {0x0F, "AAC ADTS"},
      {0x10, "MPEG-4 video"},
      {0x11, "AAC LATM"},
      {0x15, "timed metadata"},
      {0x1B, "H.264"},
      {0x1C, "MPEG-4 audio"},
      {0x20, "H.264 MVC"},
      {0x21, "JPEG 2000"},
      {0x24, "H.265"},
      {0x33, "H.266"},
      {0x81, "AC-3"},
      {0x82, "DTS"},
      {0x84, "E-AC-3 or SDDS"},
      {0x86, "SCTE-35"},
      {0x87, "E-AC-3"},
      {0xC1, "SAMPLE-AES AC-3"},
      {0xC2, "SAMPLE-AES E-AC-3"},
      {0xCF, "SAMPLE-AES AAC"},
      {0xDB, "SAMPLE-AES H.264"},
      {0xEA, "VC-1"},
  }};
  for (const auto& [known, name] : names) {
    if (known == type) return name;
  }
  return "private";
}

bool is_encrypted_type(std::uint8_t type) {
  return type == 0xC1 || type == 0xC2 || type == 0xCF || type == 0xDB;
}

}  // namespace tarn::mpegts
