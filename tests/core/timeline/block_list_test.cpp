// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/block_list.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <span>
#include <vector>

namespace tarn::timeline {
namespace {

// A block that packs nothing, of items that tell how many of them are alive.
class Kept {
 public:
  using Item = std::shared_ptr<int>;
  using View = Item;
  explicit Kept(std::span<const Item> items) : items_(items.begin(), items.end()) {}
  [[nodiscard]] Item at(std::size_t row) const { return items_[row]; }
  static Item view(const Item& item) { return item; }

 private:
  std::vector<Item> items_;
};
using Item = Kept::Item;
using List = BlockList<Kept, 4>;  // 256 to a page

Item make(int number) { return std::make_shared<int>(number); }

void expect_equal(const List& list, const std::deque<Item>& expected) {
  ASSERT_EQ(list.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(list[i], expected[i]) << i;
}

TEST(BlockList, IsADequeWhateverIsDoneToIt) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random{seed};
    List list;
    std::deque<Item> expected;
    int number = 0;
    for (int step = 0; step < 300; ++step) {
      const std::size_t many = random() % 3 == 0 ? random() % 700 : random() % 6;
      switch (random() % 3) {
        case 0: {
          for (std::size_t i = 0; i < many; ++i) {
            expected.push_back(make(++number));
            list.push_back(expected.back());
          }
          break;
        }
        case 1:
          list.push_back(make(++number));
          expected.push_back(list[list.size() - 1]);
          break;
        default: {
          const std::size_t gone = std::min(many, expected.size());
          list.drop_front(gone);
          expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(gone));
        }
      }
    }
    SCOPED_TRACE(seed);
    expect_equal(list, expected);
  }
}

TEST(BlockList, ACopyStaysAsItWas) {
  List list;
  std::deque<Item> expected;
  for (int i = 0; i < 1000; ++i) {
    list.push_back(make(i));
    expected.push_back(list[list.size() - 1]);
  }
  const List copy = list;
  list.drop_front(700);
  for (int i = 0; i < 1000; ++i) list.push_back(make(i));
  expect_equal(copy, expected);
}

// As drafts of a next state do of which one is given up.
TEST(BlockList, CopiesGrowApart) {
  List list;
  std::deque<Item> expected;
  for (int i = 0; i < 300; ++i) {
    expected.push_back(make(i));
    list.push_back(expected.back());
    List other = list;
    std::deque<Item> others = expected;
    for (int j = 0; j < i % 7; ++j) {
      others.push_back(make(-j));
      other.push_back(others.back());
    }
    if (i % 3 == 0) {
      std::swap(list, other);
      std::swap(expected, others);
    }
    expect_equal(list, expected);
    expect_equal(other, others);
  }
}

TEST(BlockList, WhatIsDroppedIsFreedABlockAtATime) {
  List list;
  std::vector<std::weak_ptr<int>> items;
  for (int i = 0; i < 5000; ++i) {
    list.push_back(make(i));
    items.push_back(list[list.size() - 1]);
    if (list.size() > 300) list.drop_front(1);
    const auto alive =
        std::count_if(items.begin(), items.end(), [](const auto& item) { return !item.expired(); });
    ASSERT_GE(alive, static_cast<std::ptrdiff_t>(list.size()));
    ASSERT_LT(alive, static_cast<std::ptrdiff_t>(list.size()) + 4);
  }
}

}  // namespace
}  // namespace tarn::timeline
