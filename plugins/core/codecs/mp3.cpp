// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/mp3.h"

#include <string>

namespace tarn::codecs::mp3 {
namespace {

using Rates = std::array<std::uint16_t, 16>;  // kbit/s by bitrate_index; 0: free format or forbidden
// By layer of MPEG-1; then layer I of MPEG-2, then layers II and III of it.
constexpr std::array<Rates, 5> bit_rates{
    Rates{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0},
    Rates{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0},
    Rates{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
    Rates{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0},
    Rates{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}};
constexpr std::array<std::uint32_t, 3> sample_rates{44'100, 48'000, 32'000};
constexpr std::uint8_t forbidden_bit_rate = 15;

const Rates& rates_of(const Header& header) {
  if (header.version == 1) return bit_rates[header.layer - 1U];
  return header.layer == 1 ? bit_rates[3] : bit_rates[4];
}

}  // namespace

std::optional<Header> parse_header(Bytes bytes) {
  if (bytes.size() < header_size || bytes[0] != 0xFF || (bytes[1] & 0xE0U) != 0xE0) return std::nullopt;
  const unsigned version = bytes[1] >> 3U & 3U;
  const unsigned layer = bytes[1] >> 1U & 3U;
  const unsigned rate_index = bytes[2] >> 4U;
  const unsigned frequency = bytes[2] >> 2U & 3U;
  if (version == 1 || layer == 0 || rate_index == forbidden_bit_rate || frequency == 3) return std::nullopt;
  Header header;
  header.version = version == 3 ? 1 : version == 2 ? 2 : 3;
  header.layer = static_cast<std::uint8_t>(4 - layer);
  header.mono = bytes[3] >> 6U == 3;
  header.sample_rate = sample_rates[frequency] >> (header.version - 1U);
  const bool halved = header.layer == 3 && header.version != 1;
  header.samples = header.layer == 1 ? 384 : halved ? 576 : 1152;
  const unsigned padding = bytes[2] >> 1U & 1U;
  const std::uint32_t slot = header.layer == 1 ? 4 : 1;
  const std::uint32_t rate = rates_of(header)[rate_index] * 1000U;
  if (rate != 0) header.size = (header.samples / 8 / slot * rate / header.sample_rate + padding) * slot;
  return header;
}

Result<StreamInfo> stream_info(const Header& header) {
  if (header.layer != 3) return unsupported("MPEG audio: layer " + std::to_string(header.layer));
  const unsigned version = header.version == 1 ? 3 : header.version == 2 ? 2 : 0;
  unsigned frequency = 0;
  while (frequency < 2 && sample_rates[frequency] >> (header.version - 1U) != header.sample_rate) ++frequency;
  const ByteVector canonical{0xFF, static_cast<std::uint8_t>(0xE3U | version << 3U),
                             static_cast<std::uint8_t>(0x90U | frequency << 2U),
                             static_cast<std::uint8_t>(header.mono ? 0xC0 : 0)};
  return stream_info_from_config(canonical);
}

Result<StreamInfo> stream_info_from_config(Bytes bytes) {
  const std::optional<Header> header = parse_header(bytes);
  if (!header) return malformed("MP3: no frame header");
  if (header->layer != 3) return unsupported("MPEG audio: layer " + std::to_string(header->layer));
  StreamInfo info;
  info.codec = Codec::mp3;
  info.timescale = header->sample_rate;
  info.config.assign(bytes.begin(), bytes.begin() + header_size);
  info.codec_string = "mp4a.40.34";  // what HLS calls it; an ISOBMFF file says mp4a.6B or mp4a.69
  info.sample_rate = header->sample_rate;
  info.channels = header->mono ? 1 : 2;
  info.samples_per_frame = header->samples;
  return info;
}

}  // namespace tarn::codecs::mp3
