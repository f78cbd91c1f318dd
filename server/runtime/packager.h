// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/track_encryptor.h"
#include "core/timeline/timeline.h"

namespace tarn::server {

// What a packaging pipeline is asked for: whole slots of some tracks, or one track's CMAF header.
struct PackageRequest {
  std::vector<timeline::TrackId> tracks;
  std::uint64_t first_slot = 0;
  std::uint32_t slot_count = 0;
  bool segment_type = false;  // CMAF: begin with a styp box
  struct Header {
    timeline::TrackId track = 0;
    std::uint32_t config = 0;
  };
  std::optional<Header> header;
};

// One endpoint's packaging pipeline. One request at a time; the caller's thread does the work.
class Packager {
 public:
  virtual ~Packager() = default;
  // The bytes in order. Errors: internal (the pipeline must be built anew).
  virtual Result<std::vector<Blob>> package(const PackageRequest& request) = 0;
};

// What a pipeline is built for.
struct Packaging {
  bool transport_stream = false;                                    // MPEG-2 TS, else CMAF
  std::shared_ptr<const crypto::StreamProtection> protection = {};  // CMAF only; null: in the clear
  bool operator==(const Packaging&) const = default;
};
using PackagerFactory = std::function<Result<std::unique_ptr<Packager>>(const Packaging&)>;

// The real one, on the pipeline of pipelines/package.h.
Result<std::unique_ptr<Packager>> make_pipeline_packager(const std::string& archive_directory,
                                                         const Packaging& packaging);

}  // namespace tarn::server
