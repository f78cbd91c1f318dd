// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/aac.h"

#include <string>

#include "core/codecs/nal.h"

namespace tarn::codecs::aac {
namespace {

// Table 1.18
constexpr std::array<std::uint32_t, 13> sample_rates{96'000, 88'200, 64'000, 48'000, 44'100, 32'000, 24'000,
                                                     22'050, 16'000, 12'000, 11'025, 8'000,  7'350};
// Table 1.19; 0: the layout is written out, or reserved
constexpr std::array<std::uint32_t, 16> channel_counts{0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0};
constexpr std::uint8_t escape_frequency = 15;

constexpr std::uint32_t object_sbr = 5;
constexpr std::uint32_t object_ps = 29;
constexpr std::uint32_t object_bsac = 22;
constexpr std::uint32_t sync_extension_sbr = 0x2B7;
constexpr std::uint32_t sync_extension_ps = 0x548;

std::uint32_t read_object_type(BitReader& in) {
  const std::uint32_t type = in.bits(5);
  return type == 31 ? 32 + in.bits(6) : type;
}

std::uint32_t read_sample_rate(BitReader& in, std::uint8_t& index) {
  index = static_cast<std::uint8_t>(in.bits(4));
  if (index == escape_frequency) return in.bits(24);
  return index < sample_rates.size() ? sample_rates[index] : 0;
}

// Object types whose specific config is GASpecificConfig (4.4.1) and that Tarn carries: AAC Main, LC,
// SSR, LTP.
bool is_aac(std::uint32_t type) { return type >= 1 && type <= 4; }

// SBR and PS behind the core's config, which old decoders do not see (1.6.6.1).
void read_sync_extension(BitReader& in, AudioSpecificConfig& config) {
  if (in.remaining() < 16 || in.bits(11) != sync_extension_sbr) return;
  if (read_object_type(in) != object_sbr || !in.flag()) return;
  std::uint8_t index = 0;
  const std::uint32_t rate = read_sample_rate(in, index);
  if (!in.ok() || rate == 0) return;
  config.sbr = true;
  config.output_rate = rate;
  if (in.remaining() >= 12 && in.bits(11) == sync_extension_ps) config.ps = in.flag();
}

std::string codec_string(const AudioSpecificConfig& config) {
  std::uint32_t type = config.object_type;
  if (config.sbr) type = config.ps ? object_ps : object_sbr;
  return "mp4a.40." + std::to_string(type);
}

}  // namespace

std::optional<AdtsHeader> parse_adts(Bytes bytes) {
  if (bytes.size() < adts_header_size) return std::nullopt;
  // syncword, and layer is 0
  if (bytes[0] != 0xFF || (bytes[1] & 0xF6U) != 0xF0) return std::nullopt;
  AdtsHeader header;
  header.header_size = (bytes[1] & 1U) != 0 ? 7 : 9;
  header.object_type = static_cast<std::uint8_t>((bytes[2] >> 6U) + 1);
  header.frequency_index = (bytes[2] >> 2U) & 0x0FU;
  header.channel_configuration = static_cast<std::uint8_t>((bytes[2] & 1U) << 2U | bytes[3] >> 6U);
  header.frame_size = (bytes[3] & 3U) << 11U | static_cast<std::uint32_t>(bytes[4]) << 3U | bytes[5] >> 5U;
  header.raw_blocks = (bytes[6] & 3U) + 1;
  if (header.frequency_index >= sample_rates.size()) return std::nullopt;
  if (header.frame_size <= header.header_size) return std::nullopt;
  return header;
}

Result<ByteVector> config_from_adts(const AdtsHeader& header) {
  if (header.channel_configuration == 0 || header.channel_configuration > 7) {
    return unsupported("AAC: channel_configuration " + std::to_string(header.channel_configuration));
  }
  if (!is_aac(header.object_type)) {
    return unsupported("AAC: object type " + std::to_string(header.object_type));
  }
  if (header.frequency_index >= sample_rates.size()) return malformed("AAC: sampling frequency index");
  const std::uint32_t bits = std::uint32_t{header.object_type} << 11U |
                             std::uint32_t{header.frequency_index} << 7U |
                             std::uint32_t{header.channel_configuration} << 3U;
  return ByteVector{static_cast<std::uint8_t>(bits >> 8U), static_cast<std::uint8_t>(bits)};
}

Result<AudioSpecificConfig> parse_config(Bytes asc) {
  BitReader in{asc};
  AudioSpecificConfig config;
  config.object_type = read_object_type(in);
  config.sample_rate = read_sample_rate(in, config.frequency_index);
  config.channel_configuration = static_cast<std::uint8_t>(in.bits(4));
  if (config.object_type == object_sbr || config.object_type == object_ps) {
    config.sbr = true;
    config.ps = config.object_type == object_ps;
    std::uint8_t extension_index = 0;
    config.output_rate = read_sample_rate(in, extension_index);
    config.object_type = read_object_type(in);
    if (config.object_type == object_bsac) in.skip(4);
  }
  if (!in.ok()) return truncated("AudioSpecificConfig: ends inside its fields");
  if (!is_aac(config.object_type)) {
    return unsupported("AudioSpecificConfig: object type " + std::to_string(config.object_type));
  }
  if (config.sample_rate == 0) return malformed("AudioSpecificConfig: sampling frequency is reserved or 0");
  config.channels = channel_counts[config.channel_configuration];
  if (config.channels == 0) {
    return unsupported("AudioSpecificConfig: channelConfiguration " +
                       std::to_string(config.channel_configuration));
  }
  // GASpecificConfig
  config.samples_per_frame = in.flag() ? 960 : 1024;
  if (in.flag()) in.skip(14);  // dependsOnCoreCoder, coreCoderDelay
  in.skip(1);                  // extensionFlag: nothing for these types
  if (!in.ok()) return truncated("AudioSpecificConfig: ends inside its fields");
  if (!config.sbr) {
    config.output_rate = config.sample_rate;
    read_sync_extension(in, config);
  }
  // SBR doubles the rate, or works at the core's (4.6.18.2.6).
  if (config.output_rate != config.sample_rate && config.output_rate != 2 * config.sample_rate) {
    return malformed("AudioSpecificConfig: the extension's rate does not fit the core's");
  }
  return config;
}

Result<StreamInfo> stream_info_from_config(Bytes asc) {
  const AudioSpecificConfig config = TRY(parse_config(asc));
  StreamInfo info;
  info.codec = Codec::aac;
  info.timescale = config.output_rate;
  info.config.assign(asc.begin(), asc.end());
  info.codec_string = codec_string(config);
  info.sample_rate = config.output_rate;
  info.channels = config.ps && config.channels == 1 ? 2 : config.channels;
  info.samples_per_frame = config.samples_per_frame * (config.output_rate / config.sample_rate);
  return info;
}

Result<StreamInfo> stream_info(const AdtsHeader& header, Extension extension) {
  const ByteVector core = TRY(config_from_adts(header));
  // Rates above 24 kHz are not doubled: those would not fit the table.
  if (extension == Extension::none || header.frequency_index < 6) return stream_info_from_config(core);
  const bool ps = extension == Extension::sbr_and_ps && header.channel_configuration == 1;
  const std::uint32_t output_index = header.frequency_index - 3U;  // table 1.18 halves in steps of three
  // Hierarchical signalling: type, core rate, channels, output rate, type of the core, and its config.
  const std::uint64_t bits = std::uint64_t{ps ? object_ps : object_sbr} << 27U |
                             std::uint64_t{header.frequency_index} << 23U |
                             std::uint64_t{header.channel_configuration} << 19U |
                             std::uint64_t{output_index} << 15U | std::uint64_t{header.object_type} << 10U;
  ByteVector config;
  Writer{config}.u32(bits);
  return stream_info_from_config(config);
}

Result<AdtsWriter> AdtsWriter::for_config(Bytes asc) {
  AudioSpecificConfig config = TRY(parse_config(asc));
  if (config.channel_configuration > 7) return unsupported("ADTS: channel configuration above 7");
  if (config.samples_per_frame != 1024) return unsupported("ADTS: frames of 960 samples");
  // A rate that was written out may be one of the table's.
  for (std::size_t i = 0; i < sample_rates.size(); ++i) {
    if (sample_rates[i] == config.sample_rate) config.frequency_index = static_cast<std::uint8_t>(i);
  }
  if (config.frequency_index >= sample_rates.size()) {
    return unsupported("ADTS: sample rate " + std::to_string(config.sample_rate));
  }
  return AdtsWriter{config};
}

std::array<std::uint8_t, adts_header_size> AdtsWriter::header(std::size_t frame_size) const {
  const std::size_t size = frame_size + adts_header_size;
  const std::uint32_t profile = config_.object_type - 1;
  const std::uint32_t channels = config_.channel_configuration;
  return {0xFF,
          0xF1,  // MPEG-4, layer 0, no CRC
          static_cast<std::uint8_t>(profile << 6U | std::uint32_t{config_.frequency_index} << 2U |
                                    channels >> 2U),
          static_cast<std::uint8_t>((channels & 3U) << 6U | size >> 11U),
          static_cast<std::uint8_t>(size >> 3U),
          static_cast<std::uint8_t>((size & 7U) << 5U | 0x1FU),  // buffer fullness 0x7FF: variable rate
          0xFC};                                                 // one raw_data_block
}

}  // namespace tarn::codecs::aac
