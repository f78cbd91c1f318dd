// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace tarn::codecs {

// AOM, Carriage of ID3 Timed Metadata in CMAF; the data are whole ID3 tags.
inline constexpr std::string_view id3_scheme = "https://aomedia.org/emsg/ID3";
// SCTE 214-1 6.8.4; the data are a splice_info_section() of SCTE 35.
inline constexpr std::string_view splice_scheme = "urn:scte:scte35:2013:bin";

inline constexpr std::uint32_t unknown_event_duration = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::size_t max_event_size = 60'000;      // of the data: fits a PES packet
inline constexpr std::size_t max_events = 256;             // of one segment
inline constexpr std::size_t max_event_scheme_size = 512;  // of scheme_id_uri and value, each

// Something that is said beside the media at a time of its timeline (ISO/IEC 23009-1 5.10.3.3), as it
// travels with the access unit it came with.
struct EventMessage {
  std::string scheme_id_uri;
  std::string value;
  std::uint32_t id = 0;  // equal for repetitions of one message
  // Presentation time of the event less that of the access unit, ticks of the track.
  std::int64_t delta = 0;
  std::uint32_t duration = unknown_event_duration;  // ticks of the track
  ByteVector data;

  bool operator==(const EventMessage&) const = default;
};

inline bool is_id3(std::string_view scheme) {
  return scheme == id3_scheme || scheme == "https://developer.apple.com/streaming/emsg-id3";
}
inline bool is_splice(std::string_view scheme) {
  return scheme == splice_scheme || scheme == "urn:scte:scte35:2014:bin";
}
// Those that are about the encoder's own MPD (ISO/IEC 23009-1 5.10.4) mean nothing in another one.
inline bool is_about_manifest(std::string_view scheme) {
  return scheme.starts_with("urn:mpeg:dash:event:2012") || scheme.starts_with("urn:mpeg:dash:event:ttfn");
}

}  // namespace tarn::codecs
