// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/codecs/ac3.h"
#include "core/codecs/nal.h"

namespace tarn::codecs::ac3 {
namespace {

constexpr std::array<std::uint32_t, 3> sample_rates{48'000, 44'100, 32'000};
// Full-band channels by acmod, and their places in a channel map: bit 15 is L, then C, R, Ls, Rs.
constexpr std::array<std::uint8_t, 8> channels_by_mode{2, 1, 2, 3, 3, 4, 4, 5};
constexpr std::array<std::uint16_t, 8> map_by_mode{0xA000, 0x4000, 0xA000, 0xE000,
                                                   0xA100, 0xE100, 0xB800, 0xF800};
constexpr std::uint16_t map_lfe = 0x0001;
constexpr std::uint16_t map_lfe2 = 0x0002;
// Pairs among the places of a dependent substream: Lc/Rc, Lrs/Rrs, Lsd/Rsd, Lw/Rw, Lvh/Rvh.
constexpr std::uint16_t location_pairs = 0x0073;
constexpr std::uint32_t rate_step = 8;

// An independent substream as dec3 lists it.
struct Substream {
  std::uint32_t rate_code = 0;
  std::uint32_t bsid = 0;
  std::uint32_t service = 0;
  std::uint32_t mode = 0;
  bool lfe = false;
  std::uint32_t dependents = 0;
  std::uint32_t locations = 0;  // chan_loc, table F.6.1: bit 0 is Lc/Rc, bit 8 LFE2
};

struct Dec3 {
  std::uint32_t data_rate = 0;  // kbit/s
  std::vector<Substream> substreams;
  std::uint32_t joc_complexity = 0;
};

// Places 5 (Lc/Rc) to 12 (Cvh) of a 16-bit map and 14 (LFE2), counted from the most significant bit.
std::uint32_t locations_of(std::uint16_t channel_map) {
  std::uint32_t locations = (channel_map & map_lfe2) != 0 ? 0x100U : 0U;
  for (unsigned bit = 0; bit < 8; ++bit) locations |= (channel_map >> (10 - bit) & 1U) << bit;
  return locations;
}

std::uint16_t map_of(std::uint32_t locations) {
  std::uint32_t map = (locations & 0x100U) != 0 ? map_lfe2 : 0U;
  for (unsigned bit = 0; bit < 8; ++bit) map |= (locations >> bit & 1U) << (10 - bit);
  return static_cast<std::uint16_t>(map);
}

std::uint32_t channel_count(const Substream& s) {
  std::uint32_t count = channels_by_mode[s.mode] + (s.lfe ? 1U : 0U);
  for (unsigned bit = 0; bit < 9; ++bit) {
    if ((s.locations >> bit & 1U) != 0) count += (location_pairs >> bit & 1U) != 0 ? 2 : 1;
  }
  return count;
}

ByteVector write_dec3(const Dec3& dec3) {
  ByteVector record;
  Writer out{record};
  out.u16(dec3.data_rate << 3U | (dec3.substreams.size() - 1));
  for (const Substream& s : dec3.substreams) {
    out.u8(s.rate_code << 6U | s.bsid << 1U);
    out.u8(s.service << 4U | s.mode << 1U | (s.lfe ? 1U : 0U));
    out.u8(s.dependents << 1U | (s.dependents > 0 ? s.locations >> 8U : 0U));
    if (s.dependents > 0) out.u8(s.locations & 0xFFU);
  }
  if (dec3.joc_complexity != 0) {
    out.u8(1);
    out.u8(dec3.joc_complexity);
  }
  return record;
}

Result<Dec3> read_dec3(Bytes record) {
  BitReader in{record};
  Dec3 dec3;
  dec3.data_rate = in.bits(13);
  dec3.substreams.resize(in.bits(3) + 1);
  for (Substream& s : dec3.substreams) {
    s.rate_code = in.bits(2);
    s.bsid = in.bits(5);
    in.skip(2);  // reserved, asvc
    s.service = in.bits(3);
    s.mode = in.bits(3);
    s.lfe = in.flag();
    in.skip(3);
    s.dependents = in.bits(4);
    s.locations = in.bits(s.dependents > 0 ? 9 : 1);
    if (s.dependents == 0) s.locations = 0;
  }
  if (!in.ok()) return truncated("dec3: ends inside its fields");
  if (in.remaining() < 16) return dec3;
  in.skip(7);
  const bool has_objects = in.flag();
  const std::uint32_t complexity = in.bits(8);
  if (has_objects) dec3.joc_complexity = complexity;
  return dec3;
}

StreamInfo describe(Codec codec, std::uint32_t sample_rate, std::uint32_t channels, ByteVector config) {
  StreamInfo info;
  info.codec = codec;
  info.timescale = sample_rate;
  info.config = std::move(config);
  info.codec_string = codec == Codec::ac3 ? "ac-3" : "ec-3";
  info.sample_rate = sample_rate;
  info.channels = channels;
  info.samples_per_frame = samples_per_block * blocks_per_unit;
  return info;
}

Result<StreamInfo> describe_ac3(const Frame& frame) {
  if (frame.bsid > 8) return unsupported("AC-3: bsid " + std::to_string(frame.bsid));
  const std::uint32_t bits = std::uint32_t{frame.rate_code} << 22U | std::uint32_t{frame.bsid} << 17U |
                             std::uint32_t{frame.service} << 14U | std::uint32_t{frame.mode} << 11U |
                             (frame.lfe ? 1U << 10U : 0U) | std::uint32_t{frame.bit_rate_code} << 5U;
  ByteVector record;
  Writer{record}.u24(bits);
  return stream_info_from_dac3(record);
}

Substream substream_of(const Frame& frame) {
  Substream s;
  s.rate_code = frame.rate_code;
  s.bsid = frame.bsid;
  s.service = frame.service;
  s.mode = frame.mode;
  s.lfe = frame.lfe;
  return s;
}

}  // namespace

Result<StreamInfo> stream_info(Bytes unit) {
  const std::optional<Frame> first = parse_frame(unit);
  if (!first || !first->leads()) return malformed("AC-3: no syncframe that begins an access unit");
  if (!first->enhanced) return describe_ac3(*first);
  Dec3 dec3;
  std::uint32_t blocks = 0;
  for (std::size_t at = 0; at < unit.size();) {
    const std::optional<Frame> frame = parse_frame(unit.subspan(at));
    if (!frame) break;
    at += frame->size;
    if (frame->leads()) blocks += frame->blocks;
    if (blocks > first->blocks) continue;  // only the frames of the first blocks describe the stream
    if (frame->type != Frame::Type::dependent) {
      if (dec3.substreams.size() == 8) return malformed("E-AC-3: more than 8 independent substreams");
      dec3.substreams.push_back(substream_of(*frame));
    } else if (dec3.substreams.back().dependents < 8) {
      ++dec3.substreams.back().dependents;
      dec3.substreams.back().locations |= locations_of(frame->channel_map);
    }
    dec3.joc_complexity = std::max(dec3.joc_complexity, frame->joc_complexity);
  }
  // Frames of one stream differ by a word where the rate does not divide: what is said must not.
  const std::uint64_t bits = std::uint64_t{unit.size()} * 8 * first->sample_rate;
  const std::uint64_t step = std::uint64_t{rate_step} * 1000 * samples_per_block * blocks_per_unit;
  dec3.data_rate =
      static_cast<std::uint32_t>(std::min<std::uint64_t>((bits + step / 2) / step * rate_step, 0x1FF8));
  Result<StreamInfo> info = stream_info_from_dec3(write_dec3(dec3));
  if (!info.ok()) return info;
  info->sample_rate = info->timescale = first->sample_rate;
  return info;
}

Result<StreamInfo> stream_info_from_dac3(Bytes dac3) {
  BitReader in{dac3};
  const std::uint32_t rate_code = in.bits(2);
  in.skip(8);  // bsid, bsmod
  const std::uint32_t mode = in.bits(3);
  const bool lfe = in.flag();
  in.skip(5);  // bit_rate_code
  if (!in.ok()) return truncated("dac3: ends inside its fields");
  if (rate_code >= sample_rates.size()) return malformed("dac3: fscod is reserved");
  return describe(Codec::ac3, sample_rates[rate_code], channels_by_mode[mode] + (lfe ? 1U : 0U),
                  ByteVector{dac3.begin(), dac3.end()});
}

Result<StreamInfo> stream_info_from_dec3(Bytes dec3) {
  const Dec3 record = TRY(read_dec3(dec3));
  const Substream& first = record.substreams.front();
  // fscod 3 stands for three half rates; most likely is that of 48 kHz.
  const std::uint32_t rate = first.rate_code < 3 ? sample_rates[first.rate_code] : sample_rates[0] / 2;
  StreamInfo info = describe(Codec::eac3, rate, channel_count(first), ByteVector{dec3.begin(), dec3.end()});
  info.joc_complexity = record.joc_complexity;
  return info;
}

std::uint16_t channel_map(const StreamInfo& info) {
  if (info.codec == Codec::ac3 && info.config.size() >= 3) {
    const std::uint32_t mode = info.config[1] >> 3U & 7U;
    return static_cast<std::uint16_t>(map_by_mode[mode] | ((info.config[1] & 4U) != 0 ? map_lfe : 0U));
  }
  const Result<Dec3> record = read_dec3(info.config);
  if (!record.ok()) return 0;
  const Substream& first = record->substreams.front();
  return static_cast<std::uint16_t>(map_by_mode[first.mode] | (first.lfe ? map_lfe : 0U) |
                                    map_of(first.locations));
}

}  // namespace tarn::codecs::ac3
