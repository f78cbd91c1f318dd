// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/cut_list.h"

#include <algorithm>

namespace tarn::timeline {

CutList::CutList(const std::vector<Cut>& cuts) : size_(cuts.size()) {
  for (std::size_t from = 0; from < cuts.size(); from += cuts_per_block) {
    const std::size_t to = std::min(from + cuts_per_block, cuts.size());
    blocks_.push_back(std::make_shared<const Block>(cuts.begin() + static_cast<std::ptrdiff_t>(from),
                                                    cuts.begin() + static_cast<std::ptrdiff_t>(to)));
  }
}

void CutList::push_back(const Cut& cut) {
  if ((skipped_ + size_) / cuts_per_block == blocks_.size()) {
    blocks_.push_back(std::make_shared<const Block>(Block{cut}));
  } else {
    auto grown = std::make_shared<Block>(*blocks_.back());
    grown->push_back(cut);
    blocks_.back() = std::move(grown);
  }
  ++size_;
}

void CutList::drop_front(std::size_t count) {
  size_ -= count;
  skipped_ += count;
  const std::size_t whole_blocks = skipped_ / cuts_per_block;
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(whole_blocks));
  skipped_ %= cuts_per_block;
}

}  // namespace tarn::timeline
