// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/codecs/hevc.h"
#include "core/codecs/stream_info.h"
#include "core/mpegts/parameter_history.h"

namespace tarn::mpegts {

// The parameter sets of one HEVC stream: those its slices refer to, and the configurations made of them.
class HevcParameters {
 public:
  // False when the set cannot be read; it is left out. REQUIRES: a NAL unit of one of the three types
  bool add(Bytes nal);
  // The SPS that a slice with this PPS refers to, or nullptr.
  [[nodiscard]] const codecs::hevc::Sps* sps_for(std::uint32_t pps_id) const;
  [[nodiscard]] const codecs::hevc::Vps* vps_for(const codecs::hevc::Sps& sps) const;
  // Index of the configuration that holds from a unit on, to be called at the end of each.
  std::uint32_t settle(bool sync, std::uint32_t pps_id);

  std::vector<codecs::StreamInfo> take_configs() { return history_.take_configs(); }

 private:
  std::array<std::optional<codecs::hevc::Vps>, 16> vps_{};
  std::array<std::optional<codecs::hevc::Sps>, 16> sps_{};
  std::array<std::optional<std::uint8_t>, 64> sps_of_pps_{};
  ParameterHistory<3> history_;
};

}  // namespace tarn::mpegts
