// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/mpegts/findings.h"
#include "core/mpegts/packet.h"

namespace tarn::mpegts {

inline constexpr std::size_t max_pes_size = 8U << 20U;
inline constexpr std::size_t pes_start_size = 9;  // bytes up to and with PES_header_data_length

// PTS and DTS of a PES packet; without DTS it equals the PTS.
struct PesTimes {
  bool given = false;
  std::int64_t pts = 0;
  std::int64_t dts = 0;
};

// The header of PES_packet() (2.4.3.6) with optional fields.
struct PesHeader {
  std::size_t header_size = 0;
  std::optional<std::size_t> payload_size;  // nothing: unbounded
  bool scrambled = false;
  PesTimes times;
};
// REQUIRES: bytes.size() >= pes_start_size and >= pes_start_size + bytes[8]. Nothing when it is no such
// header.
std::optional<PesHeader> parse_pes_header(Bytes bytes);

// Takes the payload of the PES packets of one PID and makes units of it.
class PayloadSink {
 public:
  virtual ~PayloadSink() = default;
  virtual void begin(const PesTimes& times) = 0;
  virtual void append(Bytes payload) = 0;
  // The PES packet is damaged: nothing of it may be used.
  virtual void drop() = 0;
  // The PES packet ends too early: what is complete in it may be used.
  virtual void cut() = 0;
  // The PES packet is complete and what follows does not join on.
  virtual void seal() = 0;
};

// Follows one PID: continuity, PES headers, lengths.
class PesReader {
 public:
  PesReader(PayloadSink& sink, Findings& findings) : sink_(sink), findings_(findings) {}

  // REQUIRES: packet_size bytes at `p`
  void push(const std::uint8_t* p) {
    // Nearly all packets: in sequence, in the middle of a PES packet, nothing but payload. One byte holds
    // scrambling, adaptation field, payload and continuity.
    const auto plain = static_cast<std::uint8_t>(0x10U | ((continuity_counter_ + 1U) & 0x0FU));
    if (p[3] == plain && state_ == State::payload && (p[1] & 0xC0U) == 0 && left_ >= packet_payload_size) {
      continuity_counter_ = plain & 0x0FU;
      duplicated_ = false;
      last_ = p;
      left_ -= packet_payload_size;
      sink_.append({p + packet_header_size, packet_payload_size});
      return;
    }
    push(parse_packet(p));
  }
  // Times of the PES packet that was begun last.
  [[nodiscard]] const PesTimes& times() const { return times_; }
  // The segment ends. `cut`: in the middle of a packet which could have belonged to this PES packet.
  void finish(bool cut);

 private:
  enum class State { idle, header, payload };

  void push(const Packet& packet);
  // False: the packet adds nothing.
  bool check_continuity(const Packet& packet);
  void lose();
  void end_packet();
  void start(Bytes payload);
  void gather_header(Bytes payload);
  void read_header(Bytes bytes);
  void append(Bytes payload);

  PayloadSink& sink_;
  Findings& findings_;
  State state_ = State::idle;
  bool seen_ = false;
  bool duplicated_ = false;
  std::uint8_t continuity_counter_ = 0;
  const std::uint8_t* last_ = nullptr;  // the packet before, to recognise a duplicate
  bool bounded_ = false;
  std::size_t left_ = 0;  // of a bounded PES packet, else how much an unbounded one may still grow
  PesTimes times_;
  std::array<std::uint8_t, pes_start_size + 255> header_{};
  std::size_t header_fill_ = 0;
};

}  // namespace tarn::mpegts
