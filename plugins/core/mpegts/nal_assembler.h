// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/codecs/avc.h"
#include "core/codecs/captions.h"
#include "core/mpegts/arena.h"
#include "core/mpegts/assembler.h"
#include "core/mpegts/findings.h"

namespace tarn::mpegts {

inline constexpr std::size_t max_nal_size = 4U << 20U;

// A byte stream of NAL units -> access units with length-prefixed NAL units. Payload is scanned for start
// codes while it is copied from the packets to its final place; nothing is touched twice. Where units begin
// is the codec's matter, so it does not matter how they are spread over PES packets; the times of a PES
// packet belong to the first unit that begins in it.
class NalAssembler : public Assembler {
 public:
  void begin(const PesTimes& times) final;
  void append(Bytes payload) final;
  void drop() final;
  void cut() final { drop(); }
  void seal() final;
  void finish(codecs::ElementaryStream& out) final;

 protected:
  // An access unit while its NAL units come in.
  struct Unit {
    std::size_t offset = 0;
    std::uint64_t pes = 0;  // number of the PES packet it began in
    PesTimes times;
    bool open = false;
    bool has_picture = false;
    std::uint32_t pps_id = 0;  // of its first slice
    bool sync = false;         // decoding may begin here; known when the unit ends
    // H.264, whose frames may come as two fields and whose open GOPs only SEI and slices tell
    bool idr = false;
    bool second_field = false;  // both fields are there
    bool recovery_point = false;
    bool intra = true;  // all slices of the first picture
    codecs::avc::SliceHeader slice;
  };

  // `expected`: how many bytes of payload to be ready for
  NalAssembler(std::size_t expected, Findings& findings) : findings_(findings), arena_(expected) {}

  // The NAL unit that was gathered, at nal_offset_; it stays in the unit unless remove_nal() is called.
  virtual void take_nal(Bytes nal) = 0;
  // The unit that is open ends: says of it whether it is a sync sample, and gives the index of the
  // configuration that holds from it on.
  virtual std::uint32_t settle_config() = 0;
  // What the parameter sets of the unit that is open say a frame lasts, in 90 kHz ticks; 0: nothing.
  [[nodiscard]] virtual std::int64_t frame_duration() const = 0;
  virtual std::vector<codecs::StreamInfo> take_configs() = 0;

  // The NAL unit at hand belongs to the unit that is open, or opens one.
  void join_unit();
  // Ends the unit that is open where the NAL unit at hand begins, which may move.
  void close_unit();
  // The picture at hand is the second field of the unit before: goes on with that one.
  void reopen_last();
  void remove_nal() { arena_.truncate(nal_offset_); }
  // The NAL unit at hand once more, which close_unit() may have moved.
  [[nodiscard]] Bytes nal(std::size_t size) const;
  [[nodiscard]] bool has_units() const { return !units_.empty(); }

  Findings& findings_;
  codecs::CaptionDetector captions_;
  Unit unit_;
  Unit last_;         // the one before
  bool lost_ = true;  // the next slice may be in mid-picture

 private:
  void begin_nal();
  void end_nal();
  void open_unit();
  bool time_unit();
  void forget();

  Arena arena_;
  std::vector<codecs::AccessUnit> units_;
  std::int64_t last_duration_ = 0;

  std::uint64_t pes_ = 0;
  PesTimes pes_times_;
  std::uint64_t used_pes_ = 0;  // whose times a unit has taken

  bool in_nal_ = false;         // else bytes that no start code precedes
  std::size_t nal_offset_ = 0;  // of the length prefix, or of those bytes
  std::uint64_t nal_pes_ = 0;
  PesTimes nal_times_;
};

}  // namespace tarn::mpegts
