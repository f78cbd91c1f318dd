// SPDX-License-Identifier: Apache-2.0
#include "archive/timeline_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gstkit/memory.h"
#include "gstkit/time.h"

namespace tarn::archive {
namespace {

Error no_stretch() {
  return {ErrorCode::invalid,
          "archivesink got media without tarn/stretch and tarn/part events: it needs an "
          "ingestselector upstream"};
}

}  // namespace

Status TimelineWriter::begin(const Inputs& inputs, const gstkit::StretchBegin& event) {
  if (event.id == begun_) return {};
  timeline::Stretch stretch{.id = event.id,
                            .first_slot = event.first_slot,
                            .start = event.start_utc,
                            .start_time = event.start_time,
                            .reference = event.reference,
                            .tracks = {}};
  if (event.tracks.size() != event.keys.size())
    return malformed("tarn/stretch: as many keys as tracks are needed");
  std::vector<Blob> headers;
  for (std::size_t i = 0; i < event.tracks.size(); ++i) {
    const auto input = std::find_if(inputs.begin(), inputs.end(), [&](const auto& entry) {
      return entry.second.description && entry.second.description->key == event.keys[i];
    });
    if (input == inputs.end() || !input->second.cmaf) {
      return Error{ErrorCode::invalid,
                   "archivesink got no caps for track " + event.keys[i] + " before its stretch began"};
    }
    timeline::Track track{.id = event.tracks[i], .description = *input->second.description, .config = 0};
    track.description.info = input->second.cmaf->info;
    stretch.tracks.push_back(std::move(track));
    headers.push_back(input->second.cmaf->header);
  }
  TRY(archive_->begin_stretch(stretch, headers));
  begun_ = event.id;
  return {};
}

Status TimelineWriter::append(const Inputs& inputs, TrackInput& input, GstBuffer* buffer) {
  if (!input.stretch || !input.part) return no_stretch();
  const gstkit::PartBegin part = *std::exchange(input.part, std::nullopt);
  TRY(begin(inputs, *input.stretch));
  if (!input.cmaf) return malformed("a chunk before its caps");
  const std::int64_t duration =
      GST_BUFFER_DURATION_IS_VALID(buffer)
          ? gstkit::to_ticks(GST_BUFFER_DURATION(buffer), input.cmaf->info.timescale)
          : 0;
  const bool starts_with_sync = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  NewChunk chunk{.track = part.track,
                 .slot = part.slot,
                 .start = part.start,
                 .duration = duration,
                 .independent = part.independent && starts_with_sync,
                 .parts = TRY(gstkit::blobs_of(buffer))};
  return part.late ? archive_->repair(std::move(chunk)) : archive_->append(std::move(chunk));
}

Status TimelineWriter::list(const Inputs& inputs, const TrackInput& input, const timeline::SlotListed& slot,
                            Utc now) {
  if (!input.stretch) return no_stretch();
  TRY(begin(inputs, *input.stretch));
  TRY(archive_->list_slot(slot, now));
  for (const auto& gop : timeline::long_gops_since(*archive_->timeline(), slot.number)) {
    long_gops_.push_back(gop);
  }
  return {};
}

}  // namespace tarn::archive
