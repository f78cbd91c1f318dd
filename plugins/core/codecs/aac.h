// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

// AAC (ISO/IEC 14496-3): AudioSpecificConfig (1.6.2.1) and ADTS (1.A.2.2).
namespace tarn::codecs::aac {

// adts_fixed_header() and adts_variable_header()
struct AdtsHeader {
  std::uint8_t object_type = 2;  // profile + 1: 1 Main, 2 LC, 3 SSR, 4 LTP
  std::uint8_t frequency_index = 0;
  std::uint8_t channel_configuration = 0;
  std::uint32_t header_size = 7;  // 9 with CRC
  std::uint32_t frame_size = 0;   // header included
  std::uint32_t raw_blocks = 1;   // raw_data_block()s in the frame

  // True when both frames are described by the same AudioSpecificConfig.
  [[nodiscard]] bool same_stream(const AdtsHeader& other) const {
    return object_type == other.object_type && frequency_index == other.frequency_index &&
           channel_configuration == other.channel_configuration;
  }
};
inline constexpr std::size_t adts_header_size = 7;  // shortest
// Nothing when the bytes do not begin with a valid header.
std::optional<AdtsHeader> parse_adts(Bytes bytes);

// The AudioSpecificConfig of an ADTS stream's core. HE-AAC, which ADTS signals implicitly, stays AAC-LC.
// Error unsupported: channel_configuration 0, whose layout is inside the frames.
Result<ByteVector> config_from_adts(const AdtsHeader& header);

// What an AudioSpecificConfig says. SBR doubles the rate after decoding, PS makes two channels of one.
struct AudioSpecificConfig {
  std::uint32_t object_type = 2;  // of the core
  std::uint32_t sample_rate = 0;  // of the core
  std::uint32_t channels = 0;
  std::uint8_t frequency_index = 0;  // 15: rate is written out
  std::uint8_t channel_configuration = 0;
  std::uint32_t samples_per_frame = 1024;
  bool sbr = false;  // signalled explicitly
  bool ps = false;
  std::uint32_t output_rate = 0;  // after SBR; without it the core's
};
Result<AudioSpecificConfig> parse_config(Bytes asc);

// `config` is taken over byte for byte. Of HE-AAC, signalled either way, rate, samples per frame and channels
// are those that come out of the decoder: 48000, 2048 and 2 where the core has 24000, 1024 and, with PS, 1.
// That is what sample entries and manifests say; a frame lasts as long either way.
Result<StreamInfo> stream_info_from_config(Bytes asc);
// `extension`: what the container knows of an ADTS stream, which says nothing of SBR and PS itself.
enum class Extension { none, sbr, sbr_and_ps };
Result<StreamInfo> stream_info(const AdtsHeader& header, Extension extension = Extension::none);

// ADTS header of a raw frame. The writer is made once per stream; writing cannot fail as long as
// frame sizes stay below max_frame_size.
class AdtsWriter {
 public:
  static constexpr std::size_t max_frame_size = 8191 - adts_header_size;
  // Error unsupported: object types and rates that ADTS cannot say.
  static Result<AdtsWriter> for_config(Bytes asc);
  // REQUIRES: frame_size <= max_frame_size
  [[nodiscard]] std::array<std::uint8_t, adts_header_size> header(std::size_t frame_size) const;

 private:
  explicit AdtsWriter(const AudioSpecificConfig& config) : config_(config) {}
  AudioSpecificConfig config_;
};

}  // namespace tarn::codecs::aac
