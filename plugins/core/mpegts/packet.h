// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"

namespace tarn::mpegts {

inline constexpr std::size_t packet_size = 188;
inline constexpr std::size_t packet_header_size = 4;
inline constexpr std::size_t packet_payload_size = packet_size - packet_header_size;
inline constexpr std::uint8_t sync_byte = 0x47;
inline constexpr std::size_t max_pids = 8192;
inline constexpr std::uint16_t pat_pid = 0;
inline constexpr std::int64_t timestamp_mask = (std::int64_t{1} << 33U) - 1;

// transport_packet(), ISO/IEC 13818-1 2.4.3.2
struct Packet {
  const std::uint8_t* begin = nullptr;
  Bytes payload;
  std::uint16_t pid = 0;
  std::uint8_t continuity_counter = 0;
  bool transport_error = false;
  bool unit_start = false;
  bool scrambled = false;
  bool has_payload = false;
  bool discontinuity = false;
  bool bad_length = false;  // the adaptation field does not fit
};

inline std::uint16_t packet_pid(const std::uint8_t* p) {
  return static_cast<std::uint16_t>((p[1] & 0x1FU) << 8U | p[2]);
}

// REQUIRES: packet_size bytes at `p`
inline Packet parse_packet(const std::uint8_t* p) {
  Packet packet;
  packet.begin = p;
  packet.pid = packet_pid(p);
  packet.transport_error = (p[1] & 0x80U) != 0;
  packet.unit_start = (p[1] & 0x40U) != 0;
  packet.scrambled = (p[3] & 0xC0U) != 0;
  packet.has_payload = (p[3] & 0x10U) != 0;
  packet.continuity_counter = p[3] & 0x0FU;
  std::size_t offset = packet_header_size;
  if ((p[3] & 0x20U) != 0) {
    offset += 1U + p[4];
    packet.discontinuity = p[4] > 0 && (p[5] & 0x80U) != 0;
    if (offset > packet_size) {
      packet.bad_length = true;
      offset = packet_size;
    }
  }
  if (packet.has_payload) packet.payload = {p + offset, packet_size - offset};
  return packet;
}

// Walks over the packets of a segment and finds the grid again when it is lost.
class PacketCursor {
 public:
  PacketCursor(Bytes segment, std::size_t first) : segment_(segment), position_(first) {}

  // The next packet, or nullptr at the end.
  const std::uint8_t* next() {
    if (segment_.size() - position_ < packet_size) return nullptr;
    if (segment_[position_] != sync_byte && !resync()) return nullptr;
    const std::uint8_t* packet = segment_.data() + position_;
    position_ += packet_size;
    return packet;
  }
  // How often the grid was lost.
  [[nodiscard]] std::uint64_t losses() const { return losses_; }
  // What follows the last whole packet: the beginning of a packet that was cut, or nothing.
  [[nodiscard]] Bytes tail() const { return segment_.subspan(position_); }

 private:
  bool resync();

  Bytes segment_;
  std::size_t position_;
  std::uint64_t losses_ = 0;
};

// Offset of the first packet if the bytes, the beginning of a file, are a transport stream:
// `packets_to_trust` sync bytes in a row, found within the first `probe_size` bytes. A shorter file
// must hold to the grid to its end. SIZE_MAX when it is none.
std::size_t first_packet(Bytes beginning);
inline constexpr std::size_t packets_to_trust = 5;

}  // namespace tarn::mpegts
