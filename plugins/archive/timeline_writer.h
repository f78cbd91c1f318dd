// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/archive/archive.h"
#include "core/timeline/long_gop.h"
#include "gstkit/caps.h"
#include "gstkit/events.h"

namespace tarn::archive {

// What has been heard on one track's pad.
struct TrackInput {
  std::optional<gstkit::CmafTrack> cmaf;
  std::optional<timeline::TrackDescription> description;
  std::optional<gstkit::StretchBegin> stretch;
  std::optional<gstkit::PartBegin> part;  // the next buffer is this one
  bool ended = false;
};

// Writes what the pads say into an archive. A stretch begins in the archive at its first part or slot: by
// then every track's pad has its caps, because ingestselector describes all tracks before the first part.
// One thread at a time.
class TimelineWriter {
 public:
  // By the address of a pad.
  using Inputs = std::map<const void*, TrackInput>;

  // `resumed`: id of the stretch that the archive ends in, 0 when there is none.
  TimelineWriter(std::shared_ptr<Archive> archive, std::uint32_t resumed)
      : archive_(std::move(archive)), begun_(resumed) {}

  // Appends the chunk that `input`'s last part event announced.
  Status append(const Inputs& inputs, TrackInput& input, GstBuffer* chunk);
  Status list(const Inputs& inputs, const TrackInput& input, const timeline::SlotListed& slot, Utc now);
  // Of the slots listed since the last call (semantics S6).
  std::vector<timeline::LongGop> take_long_gops() { return std::exchange(long_gops_, {}); }
  Status stream_ended(Utc now) { return archive_->close_tail(true, now); }

 private:
  Status begin(const Inputs& inputs, const gstkit::StretchBegin& stretch);

  std::shared_ptr<Archive> archive_;
  std::uint32_t begun_;  // id of the stretch that the archive knows
  std::vector<timeline::LongGop> long_gops_;
};

}  // namespace tarn::archive
