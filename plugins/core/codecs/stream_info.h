// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace tarn::codecs {

enum class Codec { h264, hevc, av1, vp9, aac, ac3, eac3, mp3, opus, webvtt };
enum class Kind { video, audio, text };

Kind kind_of(Codec codec);
std::string_view name_of(Codec codec);  // "h264", "aac": for logs, status and the catalogue
bool parse_codec(std::string_view name, Codec& codec);
// Whether there is a way to carry it in MPEG-TS that players of HLS know.
bool has_transport_mapping(Codec codec);

// What a decoder must know before the first sample, and what manifests say about a track.
struct StreamInfo {
  Codec codec = Codec::h264;
  std::uint32_t timescale = 90'000;  // ticks per second of every time of this track; audio: sample rate
  // The codec's configuration record as its ISOBMFF sample entry carries it: avcC payload
  // (14496-15 5.3.3.1), AudioSpecificConfig (14496-3 1.6.2.1), …
  ByteVector config;
  std::string codec_string;  // RFC 6381: "avc1.64001F", "mp4a.40.2"

  // video
  std::uint32_t width = 0;  // after cropping, in samples
  std::uint32_t height = 0;
  std::uint32_t sar_width = 1;  // sample aspect ratio
  std::uint32_t sar_height = 1;
  std::uint32_t frame_rate_numerator = 0;  // 0: unknown
  std::uint32_t frame_rate_denominator = 1;
  // ISO/IEC 23091-2 (the VUI of AVC and HEVC); 2: not specified
  std::uint32_t colour_primaries = 2;
  std::uint32_t transfer_characteristics = 2;
  std::uint32_t matrix_coefficients = 2;

  // audio
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::uint32_t samples_per_frame = 0;  // 1024 for AAC-LC; 0: varies
  // E-AC-3 with Joint Object Coding: complexity_index_type_a of ETSI TS 103 420; 0: none
  std::uint32_t joc_complexity = 0;

  bool operator==(const StreamInfo&) const = default;
};

// What a configuration record says, as ISOBMFF sample entries carry it: the payload of avcC, hvcC, av1C,
// vpcC, dac3, dec3 or dOps, an AudioSpecificConfig, of MP3 the four bytes of a frame header, of WebVTT the
// head of a file. The timescale is the usual one of the codec (video 90 kHz, audio the sampling rate); a
// container may know a better one. Errors: malformed, unsupported.
Result<StreamInfo> stream_info_from_config(Codec codec, Bytes record);

}  // namespace tarn::codecs
