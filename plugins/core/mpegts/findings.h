// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/result.h"

namespace tarn::mpegts {

// What the parts of the demuxer noticed, in one place. The first error ends the demuxing.
struct Findings {
  std::uint64_t continuity_errors = 0;
  std::uint64_t damaged_packets = 0;
  bool truncated = false;
  std::optional<Error> error;

  void refuse(Error reason) {
    if (!error) error = std::move(reason);
  }
};

}  // namespace tarn::mpegts
