// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "core/timeline/timeline.h"

namespace tarn::archive {

struct Salvage;

// When a volume is closed and the next one begun (besides a new stretch).
struct VolumeLimits {
  std::uint64_t bytes = 64ULL << 20U;
  std::uint32_t seconds = 600;  // of media
};

// What a volume begins with. Chunks of one track and stretch share a head.
struct VolumeHead {
  timeline::TrackId track = 0;
  std::uint32_t stretch = 0;
  std::uint32_t config = 0;
  std::uint32_t timescale = 1;
  codecs::Kind kind = codecs::Kind::video;
  Blob init;
  Blob stretch_record;  // the whole stretch, so that volumes alone tell what the catalogue told
};

// What the archive says about a chunk besides its bytes.
struct ChunkLabel {
  timeline::TrackId track = 0;
  std::uint64_t slot = 0;
  std::uint64_t serial = 0;
  std::int64_t start = 0;  // ticks of the track
  std::int64_t duration = 0;
  bool independent = true;
};

// Where the bytes of chunks live: append-only volumes. One writer; any thread may read meanwhile.
class ChunkStore {
 public:
  virtual ~ChunkStore() = default;

  // Once, before all else. The volumes that exist; new ones are numbered above them and above `known`.
  // Volumes of an earlier run are never appended to: what a crash left at their ends is not read.
  virtual std::vector<std::uint32_t> recover(std::uint32_t known) = 0;

  // Appends to the track's open volume, or begins one. After an error nothing of the chunk remains
  // that a later append does not overwrite. no_space: may be tried again.
  virtual Result<timeline::ChunkLocation> append(const VolumeHead& head, const ChunkLabel& label,
                                                 std::span<const Blob> parts) = 0;
  // Everything appended so far survives a power loss when this returns. An error is final: what was
  // appended since the last sync may be lost, and the files concerned are never synced again.
  virtual Status sync() = 0;

  // moof and mdat as they were appended.
  virtual Result<std::vector<Blob>> read(const timeline::Chunk& chunk) = 0;

  // What the volumes alone tell, when the catalogue is damaged.
  virtual Result<Salvage> salvage() const = 0;

  // Deletes a volume with all its chunks. Reads that have begun end well.
  virtual Status remove(std::uint32_t volume) = 0;

  // Size of all volumes.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;
};

}  // namespace tarn::archive
