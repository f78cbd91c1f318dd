// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/codecs/aac.h"
#include "core/mpegts/arena.h"
#include "core/mpegts/demuxer.h"
#include "core/mpegts/findings.h"
#include "core/mpegts/pes.h"

namespace tarn::mpegts {

// ADTS -> raw AAC frames. Frames may run over the ends of PES packets; one belongs to the packet in
// which it begins.
class AdtsAssembler final : public PayloadSink {
 public:
  AdtsAssembler(std::size_t expected, Findings& findings) : arena_(expected), findings_(findings) {}

  void begin(const PesTimes& times) override;
  void append(Bytes payload) override { waiting_.insert(waiting_.end(), payload.begin(), payload.end()); }
  void drop() override;
  void cut() override;
  void seal() override;
  void finish(codecs::ElementaryStream& out);

 private:
  // Where in waiting_ a PES packet with times begins.
  struct Mark {
    std::size_t at = 0;
    std::int64_t pts = 0;
  };

  void take_frames();
  bool take_frame(std::size_t at, const codecs::aac::AdtsHeader& header);
  [[nodiscard]] std::optional<codecs::aac::AdtsHeader> find_frame(std::size_t& at);
  [[nodiscard]] bool is_confirmed(std::size_t at, const codecs::aac::AdtsHeader& header) const;
  [[nodiscard]] bool add_config(const codecs::aac::AdtsHeader& header);
  void pass_marks(std::size_t at);
  void consume(std::size_t count);
  void forget();

  Arena arena_;
  Findings& findings_;
  std::vector<codecs::AccessUnit> units_;
  std::vector<codecs::StreamInfo> configs_;
  std::uint32_t config_ = 0;
  std::optional<codecs::aac::AdtsHeader> stream_;  // the frame before; nothing while out of step
  std::optional<codecs::aac::AdtsHeader> configured_;

  ByteVector waiting_;  // of this PES packet, after the frame that did not end in the one before
  std::vector<Mark> marks_;
  bool timed_ = false;
  std::int64_t pts_ = 0;
  std::uint32_t frame_in_pes_ = 0;
};

}  // namespace tarn::mpegts
