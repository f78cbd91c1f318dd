// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"

namespace tarn::codecs {

enum class Codec { h264, hevc, av1, vp9, aac, ac3, eac3, mp3, opus, webvtt };
enum class Kind { video, audio, text };

Kind kind_of(Codec codec);
std::string_view name_of(Codec codec);  // "h264", "aac": for logs, status and the catalogue
bool parse_codec(std::string_view name, Codec& codec);

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

  // audio
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::uint32_t samples_per_frame = 0;  // 1024 for AAC-LC; 0: varies

  bool operator==(const StreamInfo&) const = default;
};

}  // namespace tarn::codecs
