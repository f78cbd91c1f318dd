// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "core/base/result.h"
#include "core/crypto/hevc_parameter_sets.h"

namespace tarn::crypto {

// As AvcSliceHeaders, for HEVC (ITU-T H.265 7.3.6).
class HevcSliceHeaders {
 public:
  // From the parameter sets of a configuration record (14496-15 8.3.3.1). Those that are not understood are
  // left out, and headers that need them are not read.
  static Result<HevcSliceHeaders> from_config(Bytes hvcc);

  // Bytes of `nal` (types 0 to 31) up to and with the one that the slice segment header and its alignment end
  // in, emulation prevention counted; nothing when the header cannot be read.
  [[nodiscard]] std::optional<std::size_t> header_size(Bytes nal) const;

 private:
  class HeaderReader;

  std::array<std::optional<HevcSps>, 16> sps_;
  std::array<std::optional<HevcPps>, 64> pps_;
};

}  // namespace tarn::crypto
