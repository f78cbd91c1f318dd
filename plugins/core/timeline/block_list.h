// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace tarn::timeline {

// A sequence that grows at its end, is trimmed at its start, and shares with its copies all but what
// changes: full blocks of items are packed, lie in pages, and never change again; the newest items lie in a
// tail as they are. A copy costs a pointer a page, one more item its own copy, so that the next state after a
// month costs what it costs after a minute.
//
// `Packed` has what a block takes: types `Item` and `View`, a constructor from std::span<const Item>,
// `View at(std::size_t) const`, and `static View view(const Item&)` of an item that is not packed yet. A View
// may refer into the list: it is good as long as a copy of the list is held.
template <class Packed, std::size_t items_per_block>
class BlockList {
 public:
  using Item = typename Packed::Item;
  using View = typename Packed::View;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // REQUIRES: index < size()
  View operator[](std::size_t index) const {
    const std::size_t at = index + skipped_;
    const std::size_t block = at / items_per_block;
    if (block == end() / items_per_block) return Packed::view(tail_->items[at % items_per_block]);
    return (*pages_[block / blocks_per_page])[block % blocks_per_page]->at(at % items_per_block);
  }
  // REQUIRES: !empty()
  View back() const { return (*this)[size_ - 1]; }

  void push_back(Item item) {
    const std::size_t at = end() % items_per_block;
    claim(at);
    tail_->items[at] = std::move(item);
    ++size_;
    if (at + 1 < items_per_block) return;
    add_block(std::make_shared<const Packed>(std::span<const Item>{tail_->items.get(), items_per_block}));
    tail_.reset();
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
  using Page = std::vector<std::shared_ptr<const Packed>>;

  // Shared by copies: each knows how many of the items are its own, and nobody changes those.
  struct Tail {
    std::unique_ptr<Item[]> items = std::make_unique<Item[]>(items_per_block);
    std::atomic<std::size_t> used{0};
  };

  [[nodiscard]] std::size_t end() const { return skipped_ + size_; }

  // The place `at` of the tail is this list's to write. Of two copies that grow apart the second one needs a
  // tail of its own.
  void claim(std::size_t at) {
    std::size_t expected = at;
    if (at > 0 && tail_->used.compare_exchange_strong(expected, at + 1)) return;
    auto own = std::make_shared<Tail>();
    if (at > 0) std::copy_n(tail_->items.get(), at, own->items.get());
    own->used = at + 1;
    tail_ = std::move(own);
  }
  void add_block(std::shared_ptr<const Packed> block) {
    const std::size_t blocks = end() / items_per_block;  // with this one
    if (blocks % blocks_per_page == 1 || blocks_per_page == 1) pages_.push_back(std::make_shared<Page>());
    auto own = std::make_shared<Page>(*pages_.back());
    own->push_back(std::move(block));
    pages_.back() = std::move(own);
  }

  std::vector<std::shared_ptr<const Page>> pages_;  // all full but the last
  std::shared_ptr<Tail> tail_;                      // what does not fill a block; none: nothing
  std::size_t skipped_ = 0;                         // dropped items at the front of the first page
  std::size_t size_ = 0;
};

}  // namespace tarn::timeline
