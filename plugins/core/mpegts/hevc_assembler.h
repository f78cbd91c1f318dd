// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/mpegts/hevc_parameters.h"
#include "core/mpegts/nal_assembler.h"

namespace tarn::mpegts {

// HEVC: units begin where ISO/IEC 23008-2 7.4.2.4.4 says; a field is a unit of its own. Enhancement layers
// stay where they are, unread.
class HevcAssembler final : public NalAssembler {
 public:
  HevcAssembler(std::size_t expected, Findings& findings) : NalAssembler(expected, findings) {}

 private:
  void take_nal(Bytes nal) override;
  std::uint32_t settle_config() override;
  [[nodiscard]] std::int64_t frame_duration() const override;
  std::vector<codecs::StreamInfo> take_configs() override { return parameters_.take_configs(); }

  void take_slice(std::uint8_t type, Bytes nal);
  void take_parameter_set(Bytes nal);

  HevcParameters parameters_;
};

}  // namespace tarn::mpegts
