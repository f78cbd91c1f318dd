// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/timeline/merger.h"
#include "core/timeline/timeline.h"

// One channel's archive: its chunks, its catalogue, and the timeline as readers see it.
//
//   DIR/format          text, the format version; a newer one is refused
//   DIR/catalogue.db    SQLite: stretches, tracks, init sections, slots, chunks, generations, cuts
//   DIR/chunks/*.cmfv|cmfa|cmft  volumes: init section, then chunks back to back, each a moof and an mdat
//                       after a `uuid` box that repeats its catalogue row; playable by any ISOBMFF tool
//
// docs/formats/archive.md describes them on one page.
namespace tarn::archive {

struct NewChunk {
  timeline::TrackId track = 0;
  std::uint64_t slot = 0;
  std::int64_t start = 0;  // ticks of the track
  std::int64_t duration = 0;
  bool independent = true;
  std::vector<Blob> parts;  // moof+mdat header, then payload ranges; written in order
};

// Chunks that were appended and are not in listed slots, by their serials.
struct Backlog {
  std::uint64_t oldest = 0;  // `next` when there is none
  std::uint64_t next = 0;    // of the next chunk
};

struct Statistics {
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;  // on disk
  std::uint64_t cached_bytes = 0;
};

// Thread-safe. One writer (the channel's archivesink) at a time; readers never wait for it.
class Archive {
 public:
  // Opens or creates the archive below `directory`. Within one process the same directory gives the
  // same Archive while anybody holds it, so that writer and readers share one timeline and one cache.
  static Result<std::shared_ptr<Archive>> open(const std::string& directory);
  // In memory only: for tests and for gst-launch without a location.
  static std::shared_ptr<Archive> in_memory();  // null only when memory is short

  virtual ~Archive() = default;

  // ---- readers
  // The published state; never null, never changes once returned.
  [[nodiscard]] virtual std::shared_ptr<const timeline::Timeline> timeline() const = 0;
  // Bytes of a chunk (moof + mdat), in order. While it is recent: the very parts that were appended,
  // nothing copied. Else one read into one part.
  [[nodiscard]] virtual Result<std::vector<Blob>> read_parts(const timeline::Chunk& chunk) = 0;
  // The same joined: a chunk of several parts is copied once.
  [[nodiscard]] Result<Blob> read(const timeline::Chunk& chunk);
  // The init section (CMAF header) `config` of a track.
  [[nodiscard]] virtual Result<Blob> init(timeline::TrackId track, std::uint32_t config) const = 0;
  // Called after every publication, on the thread that made it; `handle` removes the listener again.
  // Once remove_listener has returned the listener does not run any more, so the caller must not hold
  // a lock that the listener takes.
  virtual std::uint64_t add_listener(std::function<void()> listener) = 0;
  virtual void remove_listener(std::uint64_t handle) = 0;
  [[nodiscard]] virtual Statistics statistics() const = 0;
  // Not ok once the volume or the catalogue has failed: every write answers this error from then on,
  // reading goes on. A full disk is not a failure; the next write may succeed.
  [[nodiscard]] virtual Status health() const = 0;
  // Another file of the same directory has failed: the archive counts as failed from now on.
  virtual void mark_failed(const Error& cause) = 0;
  [[nodiscard]] virtual Backlog backlog() const = 0;
  // What was damaged when it was opened and how that was mended; empty: nothing was.
  [[nodiscard]] virtual std::vector<std::string> repairs() const = 0;
  // Bytes of recent chunks to keep in memory (64 MiB when nothing is said).
  virtual void set_cache_limit(std::uint64_t bytes) = 0;

  // ---- writer
  // Begins to write: what an earlier writer began and did not list is forgotten.
  [[nodiscard]] virtual timeline::Resume resume() = 0;
  // Stores a stretch and its init sections (numbered here: an init equal to an earlier one of the
  // same track keeps its number). Becomes visible with its first slot.
  virtual Status begin_stretch(const timeline::Stretch& stretch, const std::vector<Blob>& inits) = 0;
  // Appends the chunk to its volume and assigns its serial; visible with list_slot(). On no_space the
  // chunk is not stored and nothing else is lost.
  virtual Status append(NewChunk chunk) = 0;
  // Stores what came late of a listed slot that has nothing of the track, durable and visible when it
  // returns: Timeline::find_late() (semantics S4). What is not needed any more, because the slot has the
  // track or is not kept, is passed over.
  virtual Status repair(NewChunk chunk) = 0;
  // Makes the slot and its chunks durable, cuts the endpoints' segments, publishes the new timeline.
  // On no_space the slot waits and is listed together with the next one.
  virtual Status list_slot(const timeline::SlotListed& slot, Utc now) = 0;
  // Closes the open segments of all endpoints (S19); `ended`: the stream is over.
  virtual Status close_tail(bool ended, Utc now) = 0;

  // ---- control
  // Makes `endpoint` cut by these settings from the next slot on: the first generation reaches back to
  // the oldest kept slot; the same settings again change nothing (semantics S7). `key_period`: see
  // timeline::Generation; what is there already is one generation, whatever it lasted.
  virtual Status set_presentation(const std::string& endpoint, std::uint32_t segment_duration,
                                  std::uint32_t channel_segment_duration, Utc now,
                                  std::uint32_t key_period = 0) = 0;
  virtual Status remove_presentation(const std::string& endpoint) = 0;
  // Deletes slots that end before `oldest`, with cuts that begin before the first one kept; volumes
  // without a kept chunk are removed from disk.
  virtual Status trim(Utc oldest) = 0;
};

}  // namespace tarn::archive
