// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "core/archive/composed_archive.h"
#include "core/timeline/slot_time.h"

// How the archive goes from one state to the next; endpoints' settings and retention.
namespace tarn::archive {

ComposedArchive::Draft ComposedArchive::draft() const {
  Draft next;
  next.timeline = std::make_shared<timeline::Timeline>(*timeline());
  for (const auto& [name, state] : endpoints_) next.endpoints.emplace(name, EndpointDraft{state});
  return next;
}

// A full disk leaves all as it was. After any other error the catalogue's state is unknown.
Status ComposedArchive::commit(Draft& draft) {
  for (const auto& [name, endpoint] : draft.endpoints) {
    if (endpoint.is_changed()) draft.change.endpoints[name] = endpoint.change();
  }
  if (draft.change.empty()) return {};
  if (Status committed = catalogue_->commit(draft.change); !committed) {
    if (committed.error().code == ErrorCode::no_space) return std::move(committed).error();
    return fail(committed.error());
  }
  if (draft.change.serial_limit) serial_limit_ = *draft.change.serial_limit;
  return {};
}

void ComposedArchive::publish(Draft& draft) {
  for (const auto& [name, endpoint] : draft.endpoints) {
    draft.timeline->presentations[name] = endpoint.state().published;
    endpoints_.insert_or_assign(name, endpoint.state());
  }
  std::uint64_t chunks = 0;
  for (const timeline::Slot& slot : draft.change.slots) {
    move_on(footing_, *draft.timeline, slot);
    chunks += slot.chunks.size();
  }
  if (!draft.timeline->stretches.empty()) {
    const std::uint32_t newest = draft.timeline->stretches.rbegin()->first;
    open_stretches_.erase(open_stretches_.begin(), open_stretches_.lower_bound(newest));
  }
  const std::lock_guard lock{state_mutex_};
  for (InitSection& init : draft.change.inits) {
    inits_.emplace(std::pair{init.track, init.config}, std::move(init.bytes));
  }
  chunks_ += chunks;
  timeline_ = std::move(draft.timeline);
}

void ComposedArchive::move_on(Footing& footing, const timeline::Timeline& timeline,
                              const timeline::SlotView& slot) {
  const timeline::Stretch* stretch = timeline.stretch(slot.stretch);
  const timeline::Track* reference = stretch == nullptr ? nullptr : stretch->find(stretch->reference);
  const std::uint32_t timescale = reference == nullptr ? 1 : reference->description.info.timescale;
  footing.next_slot = slot.number + 1;
  footing.slot_end = slot.end;
  footing.slot_end_utc = slot.utc + to_microseconds(slot.end - slot.start, timescale);
  if (std::exchange(footing.stretch, slot.stretch) != slot.stretch) footing.edges.clear();
  for (const timeline::Chunk& chunk : slot.chunks) footing.edges[chunk.track] = chunk.start + chunk.duration;
}

void ComposedArchive::note_volume(std::uint32_t volume, std::uint64_t slot) {
  const auto [at, is_new] = last_slot_of_volume_.try_emplace(volume, slot);
  if (!is_new && at->second >= slot) return;
  if (!is_new) volumes_by_last_slot_.erase({at->second, volume});
  at->second = slot;
  volumes_by_last_slot_.emplace(slot, volume);
}

Error ComposedArchive::fail(const Error& cause) {
  Error error{ErrorCode::io, name_ + ": the archive has failed and stores nothing more: " + cause.message};
  const std::lock_guard lock{state_mutex_};
  health_ = error;
  return error;
}

Status ComposedArchive::set_presentation(const std::string& endpoint, std::uint32_t segment_duration,
                                         std::uint32_t channel_segment_duration, Utc now,
                                         std::uint32_t key_period) {
  return write([&] {
    return do_set_presentation(endpoint, segment_duration, channel_segment_duration, now, key_period);
  });
}

Result<bool> ComposedArchive::do_set_presentation(const std::string& endpoint, std::uint32_t segment_duration,
                                                  std::uint32_t channel_segment_duration, Utc now,
                                                  std::uint32_t key_period) {
  if (endpoint.empty() || segment_duration == 0) {
    return Error{ErrorCode::invalid, name_ + ": endpoint '" + endpoint +
                                         "': a name and a segment duration of at"
                                         " least one second are needed"};
  }
  const auto known = endpoints_.find(endpoint);
  Draft next = draft();
  if (known == endpoints_.end()) {
    const auto past = removed_endpoints_.find(endpoint);
    const std::uint64_t from = next.timeline->empty() ? footing_.next_slot : next.timeline->first_slot();
    StoredEndpoint counted;
    counted.last_generation = static_cast<std::uint32_t>(number_floor_);
    counted.anchor.next_number = std::max(counted.anchor.next_number, number_floor_);
    const bool has_past = !next.timeline->empty();
    EndpointDraft begun =
        EndpointDraft::begin(endpoint, past == removed_endpoints_.end() ? counted : past->second, from,
                             segment_duration, channel_segment_duration, has_past ? 0 : key_period);
    begun.add_all(*next.timeline, now);
    if (has_past && key_period != 0) {
      begun.regenerate(footing_.next_slot, segment_duration, channel_segment_duration, key_period, now);
    }
    next.endpoints.emplace(endpoint, std::move(begun));
  } else {
    const EndpointState& state = known->second;
    const timeline::Generation& current = state.cutter.generation();
    if (current.segment_duration == segment_duration && current.key_period == key_period &&
        state.channel_segment_duration == channel_segment_duration) {
      return false;
    }
    next.endpoints.at(endpoint).regenerate(footing_.next_slot, segment_duration, channel_segment_duration,
                                           key_period, now);
  }
  TRY(commit(next));
  removed_endpoints_.erase(endpoint);
  publish(next);
  return true;
}

Status ComposedArchive::remove_presentation(const std::string& endpoint) {
  return write([&] { return do_remove_presentation(endpoint); });
}

Result<bool> ComposedArchive::do_remove_presentation(const std::string& endpoint) {
  const auto known = endpoints_.find(endpoint);
  if (known == endpoints_.end()) return not_found(name_ + ": endpoint " + endpoint + " has no presentation");
  Draft next = draft();
  next.endpoints.erase(endpoint);
  next.timeline->presentations.erase(endpoint);
  EndpointChange& change = next.change.endpoints[endpoint];
  change.head = tombstone(known->second);
  change.drop_cuts_before = std::numeric_limits<std::int64_t>::max();
  change.drop_generations_before = std::numeric_limits<std::uint32_t>::max();
  change.drop_rates_before = std::numeric_limits<std::uint32_t>::max();
  const StoredEndpoint head = *change.head;
  TRY(commit(next));
  endpoints_.erase(endpoint);
  removed_endpoints_.insert_or_assign(endpoint, head);
  publish(next);
  return true;
}

Status ComposedArchive::trim(Utc oldest) {
  return write([&] { return do_trim(oldest); });
}

Result<bool> ComposedArchive::do_trim(Utc oldest) {
  Draft next = draft();
  const std::uint64_t first_kept = first_ending_at_or_after(*next.timeline, oldest);
  if (next.timeline->empty() || first_kept == next.timeline->first_slot()) return false;
  std::uint64_t dropped_chunks = 0;
  for (std::uint64_t n = next.timeline->first_slot(); n < first_kept; ++n) {
    dropped_chunks += next.timeline->find(n)->chunks.size();
    if (const auto* late = next.timeline->late_chunks(n)) dropped_chunks += late->size();
  }
  next.timeline->trim_before(first_kept);
  const std::uint32_t first_stretch = next.timeline->empty() ? next.timeline->stretches.rbegin()->first
                                                             : next.timeline->find(first_kept)->stretch;
  auto& stretches = next.timeline->stretches;
  stretches.erase(stretches.begin(), stretches.lower_bound(first_stretch));
  auto& anchors = next.timeline->anchors;
  if (const auto later = anchors.upper_bound(first_kept); later != anchors.begin()) {
    anchors.erase(anchors.begin(), std::prev(later));
  }
  for (auto& [name, endpoint] : next.endpoints) {
    endpoint.trim(*next.timeline, first_kept, footing_.slot_end_utc);
  }
  next.change.drop_slots_before = first_kept;
  next.change.drop_stretches_before = first_stretch;
  next.change.footing = footing_;
  Status committed = commit(next);
  const bool is_full = !committed.ok() && committed.error().code == ErrorCode::no_space;
  if (!committed.ok() && !is_full) return std::move(committed).error();
  const Change change = next.change;
  publish(next);
  {
    const std::lock_guard lock{state_mutex_};
    chunks_ -= dropped_chunks;
  }
  TRY(drop_volumes_before(first_kept));
  // On a full disk the catalogue can forget only after the volumes have made room.
  if (is_full) {
    Draft again;
    again.change = change;
    TRY(commit(again));
  }
  return true;
}

std::uint64_t ComposedArchive::first_ending_at_or_after(const timeline::Timeline& timeline, Utc time) {
  if (timeline.empty()) return 0;
  std::uint64_t number = timeline.first_slot();
  for (; number < timeline.end_slot(); ++number) {
    if (timeline::end_of(timeline, *timeline.find(number)) >= time) break;
  }
  return number;
}

Status ComposedArchive::drop_volumes_before(std::uint64_t slot) {
  while (!volumes_by_last_slot_.empty() && volumes_by_last_slot_.begin()->first < slot) {
    const auto oldest = volumes_by_last_slot_.begin();
    if (Status removed = store_->remove(oldest->second); !removed) return removed;
    last_slot_of_volume_.erase(oldest->second);
    volumes_by_last_slot_.erase(oldest);
  }
  return {};
}

}  // namespace tarn::archive
