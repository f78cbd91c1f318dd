// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/bytes.h"
#include "core/mpegts/packet.h"

namespace tarn::mpegts {

// The adaptation field of the first packet of a PES packet.
struct AdaptationField {
  bool random_access = false;
  std::optional<std::uint64_t> pcr;  // 27 MHz, below 2^33 * 300

  // With adaptation_field_length; 0: no field.
  [[nodiscard]] std::size_t size() const { return pcr ? 8 : random_access ? 2 : 0; }
};

// Writes packets behind each other. Bytes of a PES packet come as pieces, each copied once from where
// it lies; continuity counters of all PIDs begin at 0.
class PacketWriter {
 public:
  explicit PacketWriter(ByteVector& out) : out_(out) {}

  // A section, in as many packets as section_packets() says.
  void section(std::uint16_t pid, Bytes section);
  // REQUIRES: packets >= packets_for(size, field), and size - packets + 1 holds the PES header;
  // `size` is the sum of the pieces.
  void pes(std::uint16_t pid, std::span<const Bytes> pieces, std::size_t size, std::size_t packets,
           const AdaptationField& field);
  // A packet without payload.
  void pcr(std::uint16_t pid, std::uint64_t pcr);
  // Must be called at the end.
  void flush();

  static std::size_t section_packets(std::size_t size) { return size / packet_payload_size + 1; }
  static std::size_t packets_for(std::size_t size, const AdaptationField& field) {
    return (size + field.size() + packet_payload_size - 1) / packet_payload_size;
  }

 private:
  static constexpr std::size_t batch = 64;

  std::uint8_t* next();
  void header(std::uint8_t* p, std::uint16_t pid, bool unit_start, bool adaptation, bool payload);

  ByteVector& out_;
  // Packets are made in the nearest cache and appended many at a time: the output is written once.
  std::array<std::uint8_t, batch * packet_size> staged_;
  std::size_t staged_packets_ = 0;
  std::array<std::uint8_t, max_pids> counters_{};
};

}  // namespace tarn::mpegts
