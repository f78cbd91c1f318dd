// SPDX-License-Identifier: Apache-2.0
#include "core/archive/composed_archive.h"

#include <algorithm>
#include <utility>

#include "core/archive/records.h"
#include "core/archive/salvage.h"

// Loading, and what readers see. The writer's half is in archive_writer.cpp, presentations and
// retention are in archive_control.cpp.
namespace tarn::archive {

namespace {

// Cuts have no checksums of their own; they follow one another.
Status check_endpoint(const std::string& name, const StoredEndpoint& endpoint) {
  if (endpoint.generations.empty()) return malformed(name + " has no generation in the catalogue");
  timeline::Found<timeline::Cut> last;
  for (const timeline::Cut& cut : endpoint.cuts) {
    const bool follows = last == nullptr || (cut.number == last->number + 1 &&
                                             cut.first_slot >= last->first_slot + last->slot_count);
    const bool is_known = std::any_of(endpoint.generations.begin(), endpoint.generations.end(),
                                      [&](const auto& g) { return g.number == cut.generation; });
    if (!follows || !is_known || cut.slot_count == 0) {
      return malformed(name + ": segment " + std::to_string(cut.number) + " does not follow the one before");
    }
    last = cut;
  }
  return {};
}

}  // namespace

ComposedArchive::ComposedArchive(std::string name, std::unique_ptr<ChunkStore> store,
                                 std::unique_ptr<Catalogue> catalogue, std::uint64_t cache_bytes,
                                 std::shared_ptr<const File> directory_lock)
    : name_(std::move(name)),
      directory_lock_(std::move(directory_lock)),
      store_(std::move(store)),
      catalogue_(std::move(catalogue)),
      cache_(cache_bytes),
      timeline_(std::make_shared<const timeline::Timeline>()) {}

Status ComposedArchive::load() {
  const std::lock_guard lock{write_mutex_};
  auto contents = catalogue_->load();
  if (!contents.ok()) return Error{contents.error().code, name_ + ": " + contents.error().message};
  TRY(mend_contents(*contents));
  return adopt(std::move(contents).value());
}

// Damaged records cost only themselves: the volumes say the same once more.
Status ComposedArchive::mend_contents(Contents& contents) {
  const std::size_t slots = contents.damaged_slots.size();
  if (slots == 0 && contents.damaged_stretches == 0) return {};
  const Change change = mend(contents, contents.damaged_slots, TRY(store_->salvage()));
  note_repair("the catalogue's records of " + std::to_string(slots) + " slots and " +
              std::to_string(contents.damaged_stretches) +
              " stretches were damaged and taken from the volumes again");
  if (change.empty()) return {};
  return catalogue_->commit(change);
}

Status ComposedArchive::adopt(Contents contents) {
  auto next = std::make_shared<timeline::Timeline>();
  for (InitSection& init : contents.inits) {
    last_config_[init.track] = init.config;
    inits_.emplace(std::pair{init.track, init.config}, std::move(init.bytes));
  }
  for (timeline::Stretch& stretch : contents.stretches) {
    const std::uint32_t id = stretch.id;
    next->stretches.emplace(id, std::make_shared<const timeline::Stretch>(std::move(stretch)));
  }
  if (contents.availability_start) next->availability_start = *contents.availability_start;
  next->ended = contents.ended;
  next->load(std::move(contents.slots));
  for (const LateChunks& late : contents.late) {
    const auto slot = next->find(late.slot);
    if (slot == nullptr) continue;
    for (const timeline::Chunk& chunk : late.chunks) {
      if (slot->find(chunk.track) == nullptr) next->add_late(late.slot, chunk);
    }
  }
  for (const timeline::Anchor& anchor : contents.anchors) next->anchors.emplace(anchor.slot, anchor);
  serial_ = serial_limit_ = contents.serial_limit;
  number_floor_ = contents.number_floor;
  footing_ = std::move(contents.footing);

  TRY(adopt_slots(*next));
  timeline_ = next;
  TRY(adopt_stretch(*next));
  return adopt_endpoints(contents);
}

Status ComposedArchive::adopt_slots(const timeline::Timeline& timeline) {
  const std::uint64_t first = timeline.empty() ? 0 : timeline.first_slot();
  const std::uint64_t end = timeline.empty() ? 0 : timeline.end_slot();
  std::uint32_t last_volume = 0;
  for (std::uint64_t number = first; number < end; ++number) {
    const timeline::SlotView slot = *timeline.find(number);
    if (slot.number != number) {
      return malformed(name_ + ": slot " + std::to_string(number) + " is missing in the catalogue");
    }
    const timeline::Stretch* stretch = timeline.stretch(slot.stretch);
    if (stretch == nullptr) {
      return malformed(name_ + ": slot " + std::to_string(number) +
                       ": its stretch is missing in the catalogue");
    }
    for (const timeline::Chunk& chunk : slot.chunks) {
      note_volume(chunk.location.volume, number);
      last_volume = std::max(last_volume, chunk.location.volume);
    }
    chunks_ += slot.chunks.size();
    if (const auto* late = timeline.late_chunks(number)) {
      for (const timeline::Chunk& chunk : *late) {
        note_volume(chunk.location.volume, number);
        last_volume = std::max(last_volume, chunk.location.volume);
      }
      chunks_ += late->size();
    }
    move_on(footing_, timeline, slot);
  }
  // A volume that no slot names was begun shortly before a crash. It goes when today's slots go.
  for (const std::uint32_t volume : store_->recover(last_volume)) {
    if (!last_slot_of_volume_.contains(volume)) note_volume(volume, footing_.next_slot);
  }
  return {};
}

// The newest stretch may go on.
Status ComposedArchive::adopt_stretch(const timeline::Timeline& timeline) {
  if (timeline.stretches.empty()) return {};
  OpenStretch open;
  open.stretch = timeline.stretches.rbegin()->second;
  open.record = Blob::of(write_stretch(*open.stretch));
  for (const timeline::Track& track : open.stretch->tracks) {
    const auto init = inits_.find({track.id, track.config});
    if (init == inits_.end()) {
      return malformed(name_ + ": init section " + std::to_string(track.config) + " of track " +
                       std::to_string(track.id) + " is missing in the catalogue");
    }
    open.inits.push_back(init->second);
  }
  last_stretch_ = open.stretch->id;
  open_stretches_.emplace(last_stretch_, std::move(open));
  return {};
}

// Feeding the slots after the last cut puts each cutter where it was. A cut that comes out of it was
// due already; it is recorded like any other, at the end of its slot.
Status ComposedArchive::adopt_endpoints(const Contents& contents) {
  Draft next = draft();
  for (const auto& [name, stored] : contents.endpoints) {
    if (stored.removed) {
      removed_endpoints_.emplace(name, stored);
      continue;
    }
    TRY(check_endpoint(name_ + ": endpoint " + name, stored));
    EndpointDraft endpoint = EndpointDraft::restore(name, stored);
    endpoint.add_all(*next.timeline, footing_.slot_end_utc);
    next.endpoints.emplace(name, std::move(endpoint));
  }
  TRY(commit(next));
  publish(next);
  return {};
}

std::shared_ptr<const timeline::Timeline> ComposedArchive::timeline() const {
  const std::lock_guard lock{state_mutex_};
  return timeline_;
}

Result<std::vector<Blob>> ComposedArchive::read_parts(const timeline::Chunk& chunk) {
  if (auto recent = cache_.find(chunk.serial)) return std::move(*recent);
  return store_->read(chunk);
}

Result<Blob> ComposedArchive::init(timeline::TrackId track, std::uint32_t config) const {
  const std::lock_guard lock{state_mutex_};
  const auto at = inits_.find({track, config});
  if (at != inits_.end()) return at->second;
  return not_found(name_ + ": track " + std::to_string(track) + " has no init section " +
                   std::to_string(config));
}

std::uint64_t ComposedArchive::add_listener(std::function<void()> listener) {
  const std::lock_guard lock{listener_mutex_};
  listeners_.emplace(++last_listener_, std::move(listener));
  return last_listener_;
}

void ComposedArchive::remove_listener(std::uint64_t handle) {
  const std::lock_guard lock{listener_mutex_};
  listeners_.erase(handle);
}

// A listener may add and remove listeners, itself included.
void ComposedArchive::notify() {
  const std::lock_guard lock{listener_mutex_};
  std::vector<std::uint64_t> handles;
  for (const auto& [handle, listener] : listeners_) handles.push_back(handle);
  for (const std::uint64_t handle : handles) {
    const auto at = listeners_.find(handle);
    if (at == listeners_.end()) continue;
    const std::function<void()> listener = at->second;
    listener();
  }
}

Statistics ComposedArchive::statistics() const {
  Statistics statistics;
  statistics.bytes = store_->bytes();
  statistics.cached_bytes = cache_.bytes();
  const std::lock_guard lock{state_mutex_};
  statistics.chunks = chunks_;
  return statistics;
}

Status ComposedArchive::health() const {
  const std::lock_guard lock{state_mutex_};
  return health_;
}

void ComposedArchive::mark_failed(const Error& cause) {
  if (health().ok()) (void)fail(cause);
}

Backlog ComposedArchive::backlog() const {
  const std::lock_guard lock{write_mutex_};
  Backlog backlog{serial_, serial_};
  for (const auto& [slot, chunks] : unlisted_) {
    for (const auto& [track, chunk] : chunks) backlog.oldest = std::min(backlog.oldest, chunk.serial);
  }
  return backlog;
}

}  // namespace tarn::archive
