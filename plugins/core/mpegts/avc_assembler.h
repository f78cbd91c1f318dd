// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/codecs/avc.h"
#include "core/mpegts/arena.h"
#include "core/mpegts/avc_parameters.h"
#include "core/mpegts/demuxer.h"
#include "core/mpegts/findings.h"
#include "core/mpegts/pes.h"

namespace tarn::mpegts {

inline constexpr std::size_t max_nal_size = 4U << 20U;

// H.264 byte stream -> access units with length-prefixed NAL units. Payload is scanned for start codes
// while it is copied from the packets to its final place; nothing is touched twice. Units begin where
// ISO/IEC 14496-10 7.4.1.2.3 says, so it does not matter how they are spread over PES packets; the times
// of a PES packet belong to the first unit that begins in it.
class AvcAssembler final : public PayloadSink {
 public:
  // `expected`: how many bytes of payload to be ready for
  AvcAssembler(std::size_t expected, Findings& findings) : arena_(expected), findings_(findings) {}

  void begin(const PesTimes& times) override;
  void append(Bytes payload) override;
  void drop() override;
  void cut() override { drop(); }
  void seal() override;
  void finish(codecs::ElementaryStream& out);

 private:
  // An access unit while its NAL units come in.
  struct Unit {
    std::size_t offset = 0;
    std::uint64_t pes = 0;  // number of the PES packet it began in
    PesTimes times;
    bool open = false;
    bool has_picture = false;
    bool second_field = false;  // both fields are there
    bool idr = false;
    bool recovery_point = false;
    bool intra = true;  // all slices of the first picture
    codecs::avc::SliceHeader slice;
  };

  void begin_nal();
  void end_nal();
  void take_nal(std::uint8_t type, Bytes nal);
  void take_slice(std::uint8_t type, Bytes nal);
  [[nodiscard]] bool begins_picture(const codecs::avc::SliceHeader& slice) const;
  [[nodiscard]] bool completes_frame(const codecs::avc::SliceHeader& slice) const;
  void join_pes();
  void open_unit();
  void close_unit();
  bool time_unit();
  void forget();

  Arena arena_;
  Findings& findings_;
  AvcParameters parameters_;
  std::vector<codecs::AccessUnit> units_;
  Unit unit_;
  Unit last_;  // the one before, which a second field may still join
  std::int64_t last_duration_ = 0;

  std::uint64_t pes_ = 0;
  PesTimes pes_times_;
  std::uint64_t used_pes_ = 0;  // whose times a unit has taken

  bool in_nal_ = false;         // else bytes that no start code precedes
  bool lost_ = true;            // the next slice may be in mid-picture
  std::size_t nal_offset_ = 0;  // of the length prefix, or of those bytes
  std::uint64_t nal_pes_ = 0;
  PesTimes nal_times_;
};

}  // namespace tarn::mpegts
