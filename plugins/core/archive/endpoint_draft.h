// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/archive/catalogue.h"
#include "core/timeline/cutter.h"
#include "core/timeline/timeline.h"

namespace tarn::archive {

// What the writer knows of one endpoint. Copies are cheap.
struct EndpointState {
  timeline::Cutter cutter;
  std::uint32_t channel_segment_duration = 0;
  std::shared_ptr<const timeline::Presentation> published;
};

// A next state of an endpoint and the change of the catalogue that leads there. The state is taken
// over only when the catalogue has it: a failed transaction leaves everything as it was.
class EndpointDraft {
 public:
  // A new endpoint, or one removed before (`past`): its first generation begins at `from_slot`.
  static EndpointDraft begin(const std::string& endpoint, const StoredEndpoint& past, std::uint64_t from_slot,
                             std::uint32_t segment_duration, std::uint32_t channel_segment_duration,
                             std::uint32_t key_period);
  // As the catalogue has it.
  static EndpointDraft restore(const std::string& endpoint, const StoredEndpoint& stored);
  explicit EndpointDraft(EndpointState state) : state_(std::move(state)) {}
  EndpointDraft(EndpointDraft&&) = default;
  EndpointDraft& operator=(EndpointDraft&&) = default;

  // Slots before the cutter's anchor are passed over.
  void add(const timeline::Timeline& timeline, const timeline::SlotView& slot, Utc now);
  void add_all(const timeline::Timeline& timeline, Utc now);
  void close(Utc now);
  // A new generation from `from_slot` on; the open segment ends before it.
  void regenerate(std::uint64_t from_slot, std::uint32_t segment_duration,
                  std::uint32_t channel_segment_duration, std::uint32_t key_period, Utc now);
  // Forgets cuts that begin before slot `first_kept` and generations that have none left.
  void trim(const timeline::Timeline& timeline, std::uint64_t first_kept, Utc now);

  [[nodiscard]] bool is_changed() const;
  [[nodiscard]] const EndpointState& state() const { return state_; }
  [[nodiscard]] const EndpointChange& change() const { return change_; }

 private:
  void record(const timeline::Cut& cut);
  void note_rates(const timeline::Timeline& timeline);
  void take_over_generation();
  void take_over(const timeline::Generation& now);
  void set_head();
  timeline::Presentation& edit();

  EndpointState state_;
  EndpointChange change_;
  std::shared_ptr<timeline::Presentation> edited_;  // state_.published, if made by this draft
};

// The head of an endpoint that is removed: what must not be counted again.
StoredEndpoint tombstone(const EndpointState& state);

}  // namespace tarn::archive
