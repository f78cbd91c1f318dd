// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

// MPEG audio (ISO/IEC 11172-3, 13818-3, and the unofficial MPEG-2.5) as far as Layer III needs it.
namespace tarn::codecs::mp3 {

inline constexpr std::size_t header_size = 4;

struct Header {
  std::uint8_t layer = 3;
  std::uint8_t version = 1;  // 1: MPEG-1; 2: MPEG-2; 3: MPEG-2.5
  bool mono = false;
  std::uint32_t sample_rate = 0;
  std::uint32_t samples = 1152;
  std::uint32_t size = 0;  // of the frame, header included; 0: free format

  [[nodiscard]] bool same_stream(const Header& other) const {
    return layer == other.layer && version == other.version && mono == other.mono &&
           sample_rate == other.sample_rate;
  }
};
// Nothing when the bytes do not begin with a header.
std::optional<Header> parse_header(Bytes bytes);

// MP3 has no configuration record: the header of a frame stands for one, without what differs from frame
// to frame (bit rate, padding, stereo mode extension).
Result<StreamInfo> stream_info(const Header& header);
Result<StreamInfo> stream_info_from_config(Bytes header);

}  // namespace tarn::codecs::mp3
