// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace tarn::timeline {

// A sequence that grows at its end, is trimmed at its start, and shares with its copies all but what
// changes: items lie in blocks, blocks in pages, both immutable. A copy costs a pointer a page, one more
// item one block, so that the next state after a month costs what it costs after a minute.
template <class T, std::size_t items_per_block>
class BlockList {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // REQUIRES: index < size()
  const T& operator[](std::size_t index) const {
    const std::size_t at = index + skipped_;
    return (*(*pages_[at / items_per_page])[at / items_per_block % blocks_per_page])[at % items_per_block];
  }

  void push_back(T item) {
    const std::size_t end = skipped_ + size_;
    if (end % items_per_block == 0) {
      add_block(std::make_shared<const Block>(one(std::move(item))));
    } else {
      Page& page = own_last_page();
      auto grown = std::make_shared<Block>();
      grown->reserve(page.back()->size() + 1);
      grown->insert(grown->end(), page.back()->begin(), page.back()->end());
      grown->push_back(std::move(item));
      page.back() = std::move(grown);
    }
    ++size_;
  }

  // As push_back() of each; makes whole blocks at once, for loading.
  void append(std::vector<T> items) {
    auto next = items.begin();
    while (next != items.end() && (skipped_ + size_) % items_per_block != 0) push_back(std::move(*next++));
    while (next != items.end()) {
      const auto count = std::min<std::ptrdiff_t>(items.end() - next, items_per_block);
      add_block(std::make_shared<const Block>(std::make_move_iterator(next),
                                              std::make_move_iterator(next + count)));
      size_ += static_cast<std::size_t>(count);
      next += count;
    }
  }

  // Items go at once, their memory a block at a time. REQUIRES: count <= size()
  void drop_front(std::size_t count) {
    size_ -= count;
    skipped_ += count;
    const std::size_t whole_pages = skipped_ / items_per_page;
    pages_.erase(pages_.begin(), pages_.begin() + static_cast<std::ptrdiff_t>(whole_pages));
    skipped_ %= items_per_page;
    const std::size_t whole_blocks = skipped_ / items_per_block;
    if (whole_blocks == 0 || (*pages_.front())[whole_blocks - 1] == nullptr) return;
    auto page = std::make_shared<Page>(*pages_.front());
    std::fill_n(page->begin(), whole_blocks, nullptr);
    pages_.front() = std::move(page);
  }

 private:
  static constexpr std::size_t blocks_per_page = 64;
  static constexpr std::size_t items_per_page = items_per_block * blocks_per_page;
  using Block = std::vector<T>;
  using Page = std::vector<std::shared_ptr<const Block>>;

  static Block one(T item) {
    Block block;
    block.push_back(std::move(item));
    return block;
  }
  void add_block(std::shared_ptr<const Block> block) {
    if ((skipped_ + size_) % items_per_page == 0) pages_.push_back(std::make_shared<Page>());
    own_last_page().push_back(std::move(block));
  }
  Page& own_last_page() {
    auto own = std::make_shared<Page>(*pages_.back());
    Page& page = *own;
    pages_.back() = std::move(own);
    return page;
  }

  std::vector<std::shared_ptr<const Page>> pages_;  // all full but the last
  std::size_t skipped_ = 0;                         // dropped items at the front of the first page
  std::size_t size_ = 0;
};

}  // namespace tarn::timeline
