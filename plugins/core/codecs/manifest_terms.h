// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/codecs/stream_info.h"

// What HLS and DASH call the properties of a stream.
namespace tarn::codecs {

// The codec string for ISOBMFF segments: that of the StreamInfo but for MP3, whose sample entry has an object
// type of its own where HLS with MPEG-TS says mp4a.40.34.
std::string isobmff_codec_string(const StreamInfo& info);

// VIDEO-RANGE (RFC 8216bis 4.4.6.2); empty: the stream does not say it.
std::string_view video_range(const StreamInfo& info);
// Whether it needs a display with more than SDR.
bool is_high_dynamic_range(const StreamInfo& info);

// CHANNELS of EXT-X-MEDIA (4.4.6.1): "6", "16/JOC"; empty: not known.
std::string hls_channels(const StreamInfo& info);

// Width as it is displayed, with square samples.
std::uint32_t display_width(const StreamInfo& info);

// ChannelConfiguration of ISO/IEC 23001-8; 0: none is known to fit. AC-3 and E-AC-3 have ac3::channel_map().
std::uint32_t channel_configuration(const StreamInfo& info);

}  // namespace tarn::codecs
