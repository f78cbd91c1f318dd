// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/timeline/timeline.h"

namespace tarn {

// What archivesrc is asked for: whole slots of some tracks, or one CMAF header.
struct PackageRequest {
  std::vector<timeline::TrackId> tracks;
  std::uint64_t first_slot = 0;
  std::uint32_t slot_count = 0;
  bool segment_type = false;  // begin with `styp`

  struct Header {
    timeline::TrackId track = 0;
    std::uint32_t config = 0;
  };
  std::optional<Header> header;
};

// From the structure that the `package` action signal takes; invalid names the field that is wrong.
Result<PackageRequest> parse_package_request(const GstStructure* structure);

// "1,2" as the `tracks` property takes it.
Result<std::vector<timeline::TrackId>> parse_tracks(const std::string& text);

}  // namespace tarn
