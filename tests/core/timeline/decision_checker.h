// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/timeline/merger.h"

namespace tarn::timeline {

// Reads the merger's decisions in order and says what cannot be right whatever the inputs sent: order
// of decisions, numbers, contiguous slots, parts that move on, monotone UTC, ids of tracks, payloads
// that come twice. Shared by the tests and the fuzz target.
class DecisionChecker {
 public:
  // The first complaint, or nothing.
  std::string read(const Decision& decision) {
    complaint_.clear();
    std::visit([this](const auto& d) { check(d); }, decision);
    return complaint_;
  }

 private:
  void expect(bool holds, const char* what) {
    if (!holds && complaint_.empty()) complaint_ = what;
  }

  void check(const StretchStarted& started) {
    expect(parts_.empty(), "a stretch began inside a slot");
    expect(!stretch_ || started.stretch.id == stretch_->id + 1, "stretch ids are not consecutive");
    expect(!next_slot_ || started.stretch.first_slot == *next_slot_,
           "the first slot of a stretch is not the next");
    expect(!last_ || started.stretch.start >= last_->utc, "UTC of a stretch goes back");
    expect(!started.reason.empty(), "a stretch without a reason");
    stretch_ = started.stretch;
    expect(stretch_->find(stretch_->reference) != nullptr, "the reference is not one of the tracks");
    for (std::size_t i = 1; i < stretch_->tracks.size(); ++i) {
      expect(stretch_->tracks[i - 1].id < stretch_->tracks[i].id, "tracks are not ascending");
    }
    for (const Track& track : stretch_->tracks) {
      const auto [known, is_new] = keys_.try_emplace(track.id, track.description.key);
      expect(known->second == track.description.key, "an id was given to another track");
    }
    part_start_.clear();
    missing_.clear();
    ended_ = false;
  }

  void check(const PartDecided& part) {
    expect(!ended_, "content after the end without a new stretch");
    expect(!part.payloads.empty(), "an empty part");
    expect(!next_slot_ || part.slot == *next_slot_, "a part of another slot than the next");
    expect(!stretch_ || stretch_->find(part.track) != nullptr, "a part of a track that the stretch lacks");
    for (const PartDecided& other : parts_)
      expect(other.track != part.track, "two parts of a track in a slot");
    const auto before = part_start_.find(part.track);
    expect(before == part_start_.end() || part.start > before->second, "parts go back");
    part_start_[part.track] = part.start;
    for (const auto& payload : part.payloads) {
      expect(payload == nullptr || seen_.insert(payload.get()).second, "a payload comes twice");
    }
    keep_.insert(keep_.end(), part.payloads.begin(), part.payloads.end());
    parts_.push_back(part);
  }

  void check(const PartRepaired& repaired) {
    const PartDecided& part = repaired.part;
    expect(!part.payloads.empty(), "an empty late part");
    const auto hole = missing_.find({part.slot, part.track});
    expect(hole != missing_.end(), "a late part for a slot that has the track, or was never listed");
    if (hole != missing_.end()) missing_.erase(hole);
    for (const auto& payload : part.payloads) {
      expect(payload == nullptr || seen_.insert(payload.get()).second, "a payload comes twice");
    }
    keep_.insert(keep_.end(), part.payloads.begin(), part.payloads.end());
  }

  void check(const SlotListed& slot) {
    expect(!ended_, "a slot after the end without a new stretch");
    expect(!next_slot_ || slot.number == *next_slot_, "slot numbers are not consecutive");
    expect(slot.start < slot.end, "an empty slot");
    expect(!stretch_ || slot.stretch == stretch_->id, "a slot of another stretch");
    const bool follows = last_ && last_->stretch == slot.stretch;
    expect(!follows || slot.start == last_->end, "slots are not contiguous");
    expect(!last_ || slot.utc >= last_->utc, "UTC goes back");
    for (const PartDecided& part : parts_) {
      expect(part.slot == slot.number, "a slot was listed before its parts");
      expect(std::count(slot.missing.begin(), slot.missing.end(), part.track) == 0, "a part that is missing");
    }
    for (const TrackId track : slot.missing) missing_.insert({slot.number, track});
    next_slot_ = slot.number + 1;
    last_ = slot;
    parts_.clear();
  }

  void check(const InputSwitched& switched) {
    expect(switched.from != switched.to, "a switch to the same input");
    expect(!switched.reason.empty(), "a switch without a reason");
    expect(!active_ || *active_ == switched.from, "a switch from an input that was not active");
    active_ = switched.to;
  }

  void check(const StreamEnded&) {
    expect(!ended_, "ended twice");
    expect(parts_.empty(), "ended inside a slot");
    ended_ = true;
  }

  std::string complaint_;
  std::optional<Stretch> stretch_;
  std::optional<SlotListed> last_;
  std::optional<std::uint64_t> next_slot_;
  std::optional<InputId> active_;
  std::map<TrackId, std::string> keys_;
  std::map<TrackId, std::int64_t> part_start_;           // of the last part of each track in the stretch
  std::vector<PartDecided> parts_;                       // since the last slot
  std::set<std::pair<std::uint64_t, TrackId>> missing_;  // of listed slots of the stretch
  std::set<const void*> seen_;
  std::vector<std::shared_ptr<void>> keep_;  // so that no address is used again
  bool ended_ = false;
};

}  // namespace tarn::timeline
