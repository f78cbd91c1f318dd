// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/archive/archive.h"
#include "core/timeline/output.h"
#include "merger_scene.h"

namespace tarn::trials {

using timeline::InputId;
using timeline::OutputSettings;
using timeline::Protocol;

// Settings of the endpoint of a protocol; the endpoint is called after it.
OutputSettings endpoint(Protocol protocol, std::uint32_t segment_duration);

// Carries out the merger's decisions as ingestselector and archivesink do, in an archive in memory. A chunk's
// bytes are the names of the samples in it: "v0:12 v0:13 ".
class VirtualChannel {
 public:
  explicit VirtualChannel(std::uint32_t segment_duration);

  void carry_out(const timeline::Decision& decision, Utc now);
  [[nodiscard]] archive::Archive& archive() { return *archive_; }
  [[nodiscard]] std::shared_ptr<const timeline::Timeline> timeline() const { return archive_->timeline(); }

  // The samples of the tracks of a segment, by its URI at the endpoint; none: 404.
  std::optional<std::vector<timeline::Sample>> fetch(const std::string& endpoint, const std::string& uri);

 private:
  static archive::NewChunk chunk_of(const timeline::PartDecided& part);

  std::shared_ptr<archive::Archive> archive_;
};

}  // namespace tarn::trials
