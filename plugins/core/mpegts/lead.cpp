// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/lead.h"

#include <optional>

#include "core/mpegts/packet.h"

namespace tarn::mpegts {
namespace {

// A PES packet of a video stream (ISO/IEC 13818-1 table 2-22) at a random access point.
bool begins_picture(const Packet& packet) {
  constexpr std::size_t start_code_and_id = 4;
  if (!packet.unit_start || packet.payload.size() < start_code_and_id) return false;
  const bool is_video = packet.payload[0] == 0 && packet.payload[1] == 0 && packet.payload[2] == 1 &&
                        (packet.payload[3] & 0xF0U) == 0xE0U;
  const std::uint8_t* const p = packet.begin;
  const bool has_adaptation_field = (p[3] & 0x20U) != 0 && p[4] > 0;
  return is_video && has_adaptation_field && (p[5] & 0x40U) != 0;
}

}  // namespace

Result<std::size_t> lead_size(Bytes segment) {
  std::optional<std::uint16_t> video;
  std::size_t end = 0;
  for (std::size_t at = 0; segment.size() - at >= packet_size; at += packet_size) {
    if (segment[at] != sync_byte) break;
    const Packet packet = parse_packet(segment.data() + at);
    if (!video) {
      if (!begins_picture(packet)) continue;
      video = packet.pid;
    } else if (packet.pid != *video || !packet.has_payload) {
      continue;
    } else if (packet.unit_start) {
      return end;
    }
    end = at + packet_size;
  }
  if (!video) return not_found("TS: no picture that can be decoded on its own");
  return end;
}

}  // namespace tarn::mpegts
