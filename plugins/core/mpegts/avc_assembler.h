// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/codecs/avc.h"
#include "core/mpegts/avc_parameters.h"
#include "core/mpegts/nal_assembler.h"

namespace tarn::mpegts {

// H.264: units begin where ISO/IEC 14496-10 7.4.1.2.3 says; both fields of a frame are one.
class AvcAssembler final : public NalAssembler {
 public:
  AvcAssembler(std::size_t expected, Findings& findings) : NalAssembler(expected, findings) {}

 private:
  void take_nal(Bytes nal) override;
  std::uint32_t settle_config() override;
  [[nodiscard]] std::int64_t frame_duration() const override;
  std::vector<codecs::StreamInfo> take_configs() override { return parameters_.take_configs(); }

  void take_slice(std::uint8_t type, Bytes nal);
  void read_sei(Bytes nal);
  [[nodiscard]] bool begins_picture(const codecs::avc::SliceHeader& slice) const;
  [[nodiscard]] bool completes_frame(const codecs::avc::SliceHeader& slice) const;

  AvcParameters parameters_;
};

}  // namespace tarn::mpegts
