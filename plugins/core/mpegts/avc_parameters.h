// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/codecs/avc.h"
#include "core/codecs/stream_info.h"

namespace tarn::mpegts {

// The parameter sets of one H.264 stream: those its slices refer to, and the configurations made of them.
class AvcParameters {
 public:
  // False when the set cannot be read; it is left out.
  bool add_sps(Bytes nal);
  bool add_pps(Bytes nal);
  // The SPS that a slice with this PPS refers to, or nullptr.
  [[nodiscard]] const codecs::avc::Sps* sps_for(std::uint32_t pps_id) const;
  // To be called at the end of each unit: sets that came since the last sync sample make a new
  // configuration at the next one. Index of the configuration that holds from this unit on.
  std::uint32_t settle(bool sync, std::uint32_t pps_id);

  std::vector<codecs::StreamInfo> take_configs() { return std::move(configs_); }

 private:
  struct Set {
    std::uint32_t id = 0;
    ByteVector nal;
    bool operator==(const Set&) const = default;
  };
  using Sets = std::vector<Set>;
  static void put(Sets& sets, std::uint32_t id, Bytes nal);
  bool make_config(std::uint32_t pps_id);

  std::array<std::optional<codecs::avc::Sps>, 32> sps_{};
  std::array<std::optional<std::uint8_t>, 256> sps_of_pps_{};
  Sets came_sps_, came_pps_;  // since the last sync sample
  Sets sps_sets_, pps_sets_;  // of the configuration that holds
  std::vector<codecs::StreamInfo> configs_;
  std::uint32_t current_ = 0;
};

}  // namespace tarn::mpegts
