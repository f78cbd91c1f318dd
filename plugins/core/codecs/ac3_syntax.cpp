// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "core/codecs/ac3.h"
#include "core/codecs/nal.h"

namespace tarn::codecs::ac3 {
namespace {

constexpr std::array<std::uint32_t, 3> sample_rates{48'000, 44'100, 32'000};
// Table 4.13, kbit/s by frmsizecod / 2
constexpr std::array<std::uint16_t, 19> bit_rates{32,  40,  48,  56,  64,  80,  96,  112, 128, 160,
                                                  192, 224, 256, 320, 384, 448, 512, 576, 640};
constexpr std::array<std::uint8_t, 4> blocks_by_code{1, 2, 3, 6};
constexpr std::uint8_t newest_ac3 = 10;  // bsid; 11 to 16: E-AC-3
constexpr std::uint8_t newest_eac3 = 16;

std::optional<Frame> parse_ac3(Bytes bytes) {
  Frame frame;
  BitReader in{bytes};
  in.skip(32);  // syncword, crc1
  frame.rate_code = static_cast<std::uint8_t>(in.bits(2));
  const std::uint32_t size_code = in.bits(6);
  frame.bsid = static_cast<std::uint8_t>(in.bits(5));
  if (frame.rate_code == 3 || size_code / 2 >= bit_rates.size()) return std::nullopt;
  frame.bit_rate_code = static_cast<std::uint8_t>(size_code / 2);
  // bsid 9 and 10 halve and quarter the rate, with the same number of bytes.
  const unsigned halvings = frame.bsid > 8 ? frame.bsid - 8U : 0U;
  const std::uint32_t rate = sample_rates[frame.rate_code];
  frame.sample_rate = rate >> halvings;
  // Words of 16 bits in 1536 samples; at 44.1 kHz the last bit of the code says which neighbour.
  const std::uint32_t words = std::uint32_t{bit_rates[frame.bit_rate_code]} * 96'000 / rate;
  frame.size = 2 * (words + (frame.rate_code == 1 ? size_code % 2 : 0));
  frame.service = static_cast<std::uint8_t>(in.bits(3));
  frame.mode = static_cast<std::uint8_t>(in.bits(3));
  if ((frame.mode & 1U) != 0 && frame.mode != 1) in.skip(2);  // cmixlev
  if ((frame.mode & 4U) != 0) in.skip(2);                     // surmixlev
  if (frame.mode == 2) in.skip(2);                            // dsurmod
  frame.lfe = in.flag();
  return frame;
}

void skip_optional(BitReader& in, std::size_t bits) {
  if (in.flag()) in.skip(bits);
}

// Mixing metadata of an independent substream, table E.1.2
void skip_program_mixing(BitReader& in, const Frame& frame) {
  skip_optional(in, 6);                         // pgmscl
  if (frame.mode == 0) skip_optional(in, 6);    // pgmscl2
  skip_optional(in, 6);                         // extpgmscl
  const std::uint32_t definition = in.bits(2);  // mixdef
  if (definition == 1) in.skip(5);
  if (definition == 2) in.skip(12);
  if (definition == 3) in.skip(8 * std::size_t{in.bits(5) + 2});
  if (frame.mode < 2) {
    skip_optional(in, 14);  // panmean, paninfo
    if (frame.mode == 0) skip_optional(in, 14);
  }
  if (!in.flag()) return;  // frmmixcfginfoe
  if (frame.blocks == 1) {
    in.skip(5);
  } else {
    for (std::uint32_t block = 0; block < frame.blocks; ++block) skip_optional(in, 5);
  }
}

void skip_mixing(BitReader& in, const Frame& frame) {
  if (!in.flag()) return;                                    // mixmdate
  if (frame.mode > 2) in.skip(2);                            // dmixmod
  if ((frame.mode & 1U) != 0 && frame.mode > 2) in.skip(6);  // ltrtcmixlev, lorocmixlev
  if ((frame.mode & 4U) != 0) in.skip(6);                    // ltrtsurmixlev, lorosurmixlev
  if (frame.lfe) skip_optional(in, 5);                       // lfemixlevcod
  if (frame.type == Frame::Type::independent) skip_program_mixing(in, frame);
}

void read_information(BitReader& in, Frame& frame) {
  if (!in.flag()) return;  // infomdate
  const auto service = static_cast<std::uint8_t>(in.bits(3));
  if (in.ok()) frame.service = service;
  in.skip(2);                       // copyrightb, origbs
  if (frame.mode == 2) in.skip(4);  // dsurmod, dheadphonmod
  if (frame.mode >= 6) in.skip(2);  // dsurexmod
  skip_optional(in, 8);             // mixlevel, roomtyp, adconvtyp
  if (frame.mode == 0) skip_optional(in, 8);
  if (frame.rate_code < 3) in.skip(1);  // sourcefscod
}

// ETSI TS 103 420 8.3.1: objects are announced in the additional bit stream information.
void read_additional(BitReader& in, Frame& frame) {
  if (!in.flag()) return;  // addbsie
  const std::uint32_t length = in.bits(6) + 1;
  if (length < 2) return;
  in.skip(7);
  const bool has_objects = in.flag();  // flag_ec3_extension_type_a
  const std::uint32_t complexity = in.bits(8);
  if (has_objects && in.ok()) frame.joc_complexity = complexity;
}

void read_bit_stream_information(BitReader& in, Frame& frame) {
  for (int program = 0; program < (frame.mode == 0 ? 2 : 1); ++program) {
    in.skip(5);            // dialnorm
    skip_optional(in, 8);  // compr
  }
  if (frame.type == Frame::Type::dependent && in.flag()) {
    frame.channel_map = static_cast<std::uint16_t>(in.bits(16));
  }
  skip_mixing(in, frame);
  read_information(in, frame);
  if (frame.type == Frame::Type::independent && frame.blocks != 6) in.skip(1);                 // convsync
  if (frame.type == Frame::Type::wrapped_ac3 && (frame.blocks == 6 || in.flag())) in.skip(6);  // frmsizecod
  read_additional(in, frame);
}

std::optional<Frame> parse_eac3(Bytes bytes) {
  Frame frame;
  frame.enhanced = true;
  BitReader in{bytes};
  in.skip(16);
  const std::uint32_t type = in.bits(2);
  if (type == 3) return std::nullopt;
  frame.type = static_cast<Frame::Type>(type);
  frame.substream = static_cast<std::uint8_t>(in.bits(3));
  frame.size = 2 * (in.bits(11) + 1);
  frame.rate_code = static_cast<std::uint8_t>(in.bits(2));
  const std::uint32_t code = in.bits(2);
  if (frame.rate_code == 3) {
    if (code == 3) return std::nullopt;
    frame.sample_rate = sample_rates[code] / 2;
  } else {
    frame.sample_rate = sample_rates[frame.rate_code];
    frame.blocks = blocks_by_code[code];
  }
  frame.mode = static_cast<std::uint8_t>(in.bits(3));
  frame.lfe = in.flag();
  frame.bsid = static_cast<std::uint8_t>(in.bits(5));
  if (frame.size <= probe_bytes) return std::nullopt;
  read_bit_stream_information(in, frame);
  return frame;
}

// Of what stream_info() reads of a frame, with that of the frames before it.
std::uint64_t signature_of(const Frame& frame, std::uint64_t before) {
  std::uint64_t value = frame.channel_map;
  value = value << 8U | frame.joc_complexity;
  value = value << 5U | frame.bsid;
  value = value << 3U | frame.mode;
  value = value << 3U | frame.service;
  value = value << 3U | frame.substream;
  value = value << 2U | static_cast<std::uint64_t>(frame.type);
  value = value << 1U | (frame.lfe ? 1U : 0U);
  value = value << 5U | frame.bit_rate_code;
  value = value << 17U ^ frame.sample_rate;
  return value * 0x9E3779B97F4A7C15U ^ (before << 7U | before >> 57U);
}

}  // namespace

std::optional<Frame> parse_frame(Bytes bytes) {
  if (bytes.size() < probe_bytes || bytes[0] != 0x0B || bytes[1] != 0x77) return std::nullopt;
  const std::uint8_t bsid = bytes[5] >> 3U;  // at the same place in both
  if (bsid > newest_eac3) return std::nullopt;
  return bsid <= newest_ac3 ? parse_ac3(bytes) : parse_eac3(bytes);
}

std::optional<AccessUnit> parse_unit(Bytes bytes) {
  std::optional<Frame> frame = parse_frame(bytes);
  if (!frame || !frame->leads()) return std::nullopt;
  AccessUnit unit;
  if (!frame->enhanced || frame->size > bytes.size()) {
    unit.size = frame->size;
    unit.signature = signature_of(*frame, 0);
    unit.complete = unit.size <= bytes.size();
    unit.blocks = unit.complete ? frame->blocks : 0;
    return unit;
  }
  const std::uint32_t first_blocks = frame->blocks;
  while (frame && unit.size + frame->size <= bytes.size()) {
    if (frame->leads()) {
      if (unit.blocks >= blocks_per_unit || !frame->enhanced) break;
      unit.blocks += frame->blocks;
    }
    if (unit.blocks <= first_blocks) unit.signature = signature_of(*frame, unit.signature);
    unit.size += frame->size;
    frame = parse_frame(bytes.subspan(unit.size));
  }
  // What follows must be seen: it may be another substream of the same samples.
  const std::size_t rest = bytes.size() - unit.size;
  const bool ends_here = !frame || (frame->leads() && (unit.blocks >= blocks_per_unit || !frame->enhanced));
  unit.complete = rest >= probe_bytes && ends_here;
  return unit;
}

}  // namespace tarn::codecs::ac3
