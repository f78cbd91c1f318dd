// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

namespace tarn::mpegts {

// Parameter sets of `kinds` kinds as they come in a stream, and the configurations made of them. The last
// kind (picture parameter sets) alone adds to what holds; the others begin everything anew.
template <std::size_t kinds>
class ParameterHistory {
 public:
  static constexpr std::size_t max_set_size = 0xFFFF;

  void put(std::size_t kind, std::uint32_t id, Bytes nal) { put(came_[kind], id, nal); }

  // To be called at the end of each unit: sets that came since the last sync sample make a new configuration
  // at the next one. `describe(lists)` gives the StreamInfo of sets as NAL units; `active` is the id of the
  // set of each kind that goes first. Index of the configuration that holds from this unit on.
  template <class Describe>
  std::uint32_t settle(bool sync, const std::array<std::uint32_t, kinds>& active, Describe&& describe) {
    const auto is_empty = [](const Sets& sets) { return sets.empty(); };
    if (std::all_of(came_.begin(), came_.end(), is_empty)) return current_;
    if (!sync && !configs_.empty()) return current_;
    std::array<Sets, kinds> next = merged();
    if (std::any_of(next.begin(), next.end(), is_empty)) return current_;
    for (Sets& sets : came_) sets.clear();
    if (next == held_) return current_;
    held_ = std::move(next);
    std::array<std::vector<Bytes>, kinds> lists;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
      for (const Set& set : held_[kind]) {
        std::vector<Bytes>& list = lists[kind];
        list.insert(set.id == active[kind] ? list.begin() : list.end(), set.nal);
      }
    }
    add(describe(lists));
    return current_;
  }

  std::vector<codecs::StreamInfo> take_configs() { return std::move(configs_); }

 private:
  static constexpr std::size_t max_configs = 64;
  struct Set {
    std::uint32_t id = 0;
    ByteVector nal;
    bool operator==(const Set&) const = default;
  };
  using Sets = std::vector<Set>;

  static void put(Sets& sets, std::uint32_t id, Bytes nal) {
    const auto known = std::find_if(sets.begin(), sets.end(), [id](const Set& set) { return set.id == id; });
    if (known == sets.end()) {
      sets.push_back({id, {nal.begin(), nal.end()}});
    } else if (!std::equal(nal.begin(), nal.end(), known->nal.begin(), known->nal.end())) {
      known->nal.assign(nal.begin(), nal.end());
    }
  }

  [[nodiscard]] std::array<Sets, kinds> merged() const {
    std::array<Sets, kinds> next = came_;
    bool anew = false;
    for (std::size_t kind = 0; kind + 1 < kinds; ++kind) {
      anew |= !came_[kind].empty();
      if (came_[kind].empty()) next[kind] = held_[kind];
    }
    Sets& pictures = next[kinds - 1];
    if (pictures.empty() || !anew) {
      pictures = held_[kinds - 1];
      for (const Set& set : came_[kinds - 1]) put(pictures, set.id, set.nal);
    }
    return next;
  }

  void add(Result<codecs::StreamInfo> info) {
    if (!info.ok() || configs_.size() == max_configs) return;
    const auto known = std::find(configs_.begin(), configs_.end(), *info);
    current_ = static_cast<std::uint32_t>(known - configs_.begin());
    if (known == configs_.end()) configs_.push_back(std::move(info).value());
  }

  std::array<Sets, kinds> came_;  // since the last sync sample
  std::array<Sets, kinds> held_;  // of the configuration that holds
  std::vector<codecs::StreamInfo> configs_;
  std::uint32_t current_ = 0;
};

}  // namespace tarn::mpegts
