// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/packet_writer.h"

#include <algorithm>
#include <cstring>

namespace tarn::mpegts {
namespace {

constexpr std::uint8_t stuffing = 0xFF;

// program_clock_reference_base and _extension, 2.4.3.5
void write_pcr(std::uint8_t* p, std::uint64_t pcr) {
  const std::uint64_t base = pcr / 300;
  const std::uint64_t extension = pcr % 300;
  p[0] = static_cast<std::uint8_t>(base >> 25U);
  p[1] = static_cast<std::uint8_t>(base >> 17U);
  p[2] = static_cast<std::uint8_t>(base >> 9U);
  p[3] = static_cast<std::uint8_t>(base >> 1U);
  p[4] = static_cast<std::uint8_t>((base & 1U) << 7U | 0x7EU | extension >> 8U);
  p[5] = static_cast<std::uint8_t>(extension);
}

// Fills exactly `size` bytes. REQUIRES: size >= max(1, field.size())
void write_adaptation(std::uint8_t* p, std::size_t size, const AdaptationField& field) {
  p[0] = static_cast<std::uint8_t>(size - 1);
  if (size == 1) return;
  p[1] = static_cast<std::uint8_t>((field.random_access ? 0x40U : 0U) | (field.pcr ? 0x10U : 0U));
  std::size_t used = 2;
  if (field.pcr) {
    write_pcr(p + 2, *field.pcr);
    used += 6;
  }
  std::memset(p + used, stuffing, size - used);
}

// Reads the pieces of a PES packet as one run of bytes.
class Pieces {
 public:
  explicit Pieces(std::span<const Bytes> pieces) : pieces_(pieces) {}

  // REQUIRES: so many bytes are left
  void copy(std::uint8_t* to, std::size_t count) {
    while (count > 0) {
      if (now_.empty()) {
        now_ = pieces_.front();
        pieces_ = pieces_.subspan(1);
      }
      const std::size_t part = std::min(count, now_.size());
      if (part > 0) std::memcpy(to, now_.data(), part);
      now_ = now_.subspan(part);
      to += part;
      count -= part;
    }
  }
  void copy_whole_payload(std::uint8_t* to) {
    if (now_.size() < packet_payload_size) return copy(to, packet_payload_size);
    std::memcpy(to, now_.data(), packet_payload_size);
    now_ = now_.subspan(packet_payload_size);
  }

 private:
  std::span<const Bytes> pieces_;
  Bytes now_;
};

}  // namespace

std::uint8_t* PacketWriter::next() {
  if (staged_packets_ == batch) flush();
  return staged_.data() + packet_size * staged_packets_++;
}

void PacketWriter::flush() {
  out_.insert(out_.end(), staged_.data(), staged_.data() + staged_packets_ * packet_size);
  staged_packets_ = 0;
}

void PacketWriter::header(std::uint8_t* p, std::uint16_t pid, bool unit_start, bool adaptation,
                          bool payload) {
  // The counter counts payload: a packet without it repeats the one before (2.4.3.3).
  std::uint8_t& next_counter = counters_[pid];
  const auto counter = static_cast<std::uint8_t>((payload ? next_counter : next_counter - 1U) & 0x0FU);
  if (payload) next_counter = (next_counter + 1U) & 0x0FU;
  p[0] = sync_byte;
  p[1] = static_cast<std::uint8_t>((unit_start ? 0x40U : 0U) | pid >> 8U);
  p[2] = static_cast<std::uint8_t>(pid);
  p[3] = static_cast<std::uint8_t>((adaptation ? 0x20U : 0U) | (payload ? 0x10U : 0U) | counter);
}

void PacketWriter::section(std::uint16_t pid, Bytes section) {
  for (bool begins = true; begins || !section.empty(); begins = false) {
    std::uint8_t* p = next();
    header(p, pid, begins, false, true);
    std::size_t at = packet_header_size;
    if (begins) p[at++] = 0;  // pointer_field
    const std::size_t count = std::min(section.size(), packet_size - at);
    std::memcpy(p + at, section.data(), count);
    std::memset(p + at + count, stuffing, packet_size - at - count);
    section = section.subspan(count);
  }
}

void PacketWriter::pes(std::uint16_t pid, std::span<const Bytes> pieces, std::size_t size,
                       std::size_t packets, const AdaptationField& field) {
  Pieces from{pieces};
  for (std::size_t i = 0; i < packets; ++i) {
    std::uint8_t* p = next();
    const std::size_t field_size = i == 0 ? field.size() : 0;
    // Each packet to come must have something to carry; with as many packets as are needed all but the
    // last are full.
    const std::size_t count = std::min(packet_payload_size - field_size, size - (packets - i - 1));
    size -= count;
    if (count == packet_payload_size) {
      header(p, pid, i == 0, false, true);
      from.copy_whole_payload(p + packet_header_size);
      continue;
    }
    header(p, pid, i == 0, true, true);
    const std::size_t adaptation = packet_payload_size - count;
    write_adaptation(p + packet_header_size, adaptation, i == 0 ? field : AdaptationField{});
    from.copy(p + packet_header_size + adaptation, count);
  }
}

void PacketWriter::pcr(std::uint16_t pid, std::uint64_t pcr) {
  std::uint8_t* p = next();
  header(p, pid, false, true, false);
  AdaptationField field;
  field.pcr = pcr;
  write_adaptation(p + packet_header_size, packet_payload_size, field);
}

}  // namespace tarn::mpegts
