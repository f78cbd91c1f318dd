// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/codecs/audio_frames.h"
#include "core/mpegts/arena.h"
#include "core/mpegts/assembler.h"
#include "core/mpegts/findings.h"

namespace tarn::mpegts {

// Audio that frames itself -> raw frames. Frames may run over the ends of PES packets; one belongs to the
// packet in which it begins.
class FrameAssembler final : public Assembler {
 public:
  FrameAssembler(std::unique_ptr<codecs::AudioSyntax> syntax, std::size_t expected, Findings& findings)
      : syntax_(std::move(syntax)), arena_(expected), findings_(findings) {}

  void begin(const PesTimes& times) override;
  void append(Bytes payload) override { waiting_.insert(waiting_.end(), payload.begin(), payload.end()); }
  void drop() override;
  void cut() override;
  void seal() override;
  void finish(codecs::ElementaryStream& out) override;
  // Whether the last bytes before finish() were a frame that did not come to its end.
  [[nodiscard]] bool ended_in_frame() const { return ended_in_frame_; }

 private:
  // Where in waiting_ a PES packet with times begins.
  struct Mark {
    std::size_t at = 0;
    std::int64_t pts = 0;
  };

  void take_frames(bool at_end);
  bool take_frame(std::size_t at, const codecs::AudioFrame& frame);
  [[nodiscard]] std::optional<codecs::AudioFrame> parse(std::size_t at) const;
  [[nodiscard]] std::optional<codecs::AudioFrame> find_frame(std::size_t& at);
  [[nodiscard]] bool is_confirmed(std::size_t at, const codecs::AudioFrame& frame) const;
  [[nodiscard]] bool add_config(Bytes bytes, const codecs::AudioFrame& frame);
  void pass_marks(std::size_t at);
  void consume(std::size_t count);
  void forget();

  std::unique_ptr<codecs::AudioSyntax> syntax_;
  Arena arena_;
  Findings& findings_;
  std::vector<codecs::AccessUnit> units_;
  std::vector<codecs::StreamInfo> configs_;
  std::uint32_t config_ = 0;
  std::optional<std::uint64_t> stream_;      // of the frame before; nothing while out of step
  std::optional<std::uint64_t> configured_;  // what configs_[config_] was made of

  ByteVector waiting_;  // of this PES packet, after the frame that did not end in the one before
  std::vector<Mark> marks_;
  bool timed_ = false;
  std::int64_t pts_ = 0;
  std::uint32_t frame_in_pes_ = 0;
  bool ended_in_frame_ = false;
};

}  // namespace tarn::mpegts
